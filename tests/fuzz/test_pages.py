"""Whatever a browser, or what claims to be one, sends to any address: the answer is never that the server failed."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.effort import examples, found
from tests.fuzz.visiting import MAY_FAIL, REQUESTS, Place, Sent, place, visitor
from tests.web.door.house import Route


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A device where everybody may do everything."""
    with place(tmp_path_factory.mktemp("opened"), auth="open") as found:
        yield found


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A device that nobody has claimed."""
    with place(tmp_path_factory.mktemp("locked")) as found:
        yield found


@given(number=st.integers(0, 999), sent=REQUESTS)
@examples(150)
def test_no_request_makes_the_server_fail(opened: Place, number: int, sent: Sent) -> None:
    route = opened.routes[number % len(opened.routes)]
    reply = opened.send(route, sent)
    assert reply.status_code < 500 or reply.status_code in MAY_FAIL, (route, reply.text)


@given(number=st.integers(0, 99), sent=REQUESTS)
@examples(40)
def test_no_stranger_makes_the_server_fail(locked: Place, number: int, sent: Sent) -> None:
    routes = [route for route in locked.routes if route.access == "public"]
    reply = locked.send(routes[number % len(routes)], sent)
    assert reply.status_code < 500 or reply.status_code in MAY_FAIL, reply.text


@pytest.mark.parametrize("name", found("forms"))
def test_what_once_broke_a_form_is_read_or_refused_soon(opened: Place, name: str) -> None:
    kind = visitor({"content-type": "multipart/form-data; boundary=b0"})
    body = found("forms")[name].read_bytes()
    for template in ("/c/{conversation_id:str}/draft", "/c/measure", "/import", "/attachments", "/presets", "/updates"):
        begun = time.process_time()
        reply = opened.ask(Route("POST", template, ""), "=", kind, content=body)
        assert reply.status_code < 500 or reply.status_code in MAY_FAIL, template
        assert time.process_time() - begun < 0.5
