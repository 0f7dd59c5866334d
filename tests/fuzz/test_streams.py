"""What a page says when it comes back to its stream of events: any of it is answered by events, or refused."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.web.daemon import Daemon, daemon, eventually
from tests.web.pages.asking import SLOW

IDS = [
    *("", ".", "..", "1", "MESSAGE", "MESSAGE.", "MESSAGE.0", "MESSAGE.1", "MESSAGE.-1", "MESSAGE.1e9", "MESSAGE.1.1"),
    *(
        "MESSAGE." + "9" * 5000,
        "MESSAGE." + "9" * 18,
        "MESSAGE.\u00b2",
        "MESSAGE.\u0663",
        "other.1",
        "\u00fc.1",
        "." * 3000,
    ),
]
SHOWN = [
    "c=CONVERSATION&m=MESSAGE&l=MESSAGE",
    "c=CONVERSATION",
    "c=CONVERSATION&m=x&l=%00",
    "m=MESSAGE&c=",
    "",
    "c=&c=&m=%ff",
]
REFUSED = ["c=none", "c=%00", "c=..%2f..", "c=" + "a" * 3000, "c=CONVERSATION%00", "c=%f0%9f%a6%8a"]


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon(tmp_path_factory.mktemp("device")) as running:
        yield running


@pytest.fixture
def running(device: Daemon) -> Iterator[tuple[str, str]]:
    """Ids of a conversation, and of the answer in it that is being written."""
    origin = {"Origin": device.url}
    sent = device.http.post("/c", data={"text": SLOW}, headers=origin)
    found = re.fullmatch(r"/c/(\w+)#m-(\w+)", sent.headers["location"])
    assert found
    yield found[1], found[2]
    assert device.http.post(f"/m/{found[2]}/stop", headers=origin).status_code < 400
    eventually(lambda: not device.active(), 10)


def events(device: Daemon, query: str, last: str) -> tuple[int, str]:
    """Return the status of a stream, and what it sends until it has told of a device or of an answer."""
    text = ""
    headers = {"Last-Event-ID": last.encode()}
    with device.http.stream("GET", f"/events?{query}", headers=headers) as reply:  # type: ignore[arg-type]
        for piece in reply.iter_text():
            text += piece
            if "event: status" in text and ("MESSAGE" not in query or "event: snapshot" in text or "\nid: " in text):
                break
    return reply.status_code, text


def test_any_place_in_any_answer_is_gone_on_from_or_begun_anew(device: Daemon, running: tuple[str, str]) -> None:
    for last in IDS:
        for query in SHOWN[:1] if last else SHOWN:
            named = [text.replace("CONVERSATION", running[0]).replace("MESSAGE", running[1]) for text in (query, last)]
            status, text = events(device, *named)
            assert status == 200, (query, last)
            assert "event: status" in text, (query, last)


def test_what_is_not_ones_own_is_not_shown(device: Daemon, running: tuple[str, str]) -> None:
    for query in REFUSED:
        status, _ = events(device, query.replace("CONVERSATION", running[0]), "x.1")
        assert status == 404, query


def test_a_storm_of_pages_that_come_back_leaves_room_for_the_next(device: Daemon, running: tuple[str, str]) -> None:
    def come_and_go(number: int) -> int:
        query = f"c={running[0]}&m={running[1]}&l={running[1]}"
        with httpx.stream(
            "GET", f"{device.url}/events?{query}", headers={"Last-Event-ID": f"{running[1]}.{number}"}
        ) as reply:
            next(reply.iter_raw())
        return reply.status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(come_and_go, range(60))) <= {200, 429}
    eventually(lambda: come_and_go(0) == 200, 10)
