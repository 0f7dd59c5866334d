"""Too much of everything: what strangers, and those who are signed in, may send and hold open."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from agent.errors import QueueFullError
from tests.web.door.house import House, Visitor, house
from web.streams import Streams

FORM = "application/x-www-form-urlencoded"
GREEDY = "\ufdfa"  # eighteen characters as soon as two names are compared


@pytest.mark.parametrize(("path", "fields"), [("/login", "name"), ("/claim", "code=AAAA-AAAA&password=12345678&name")])
def test_strangers_send_little(tmp_path: Path, path: str, fields: str) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as device:
            visitor = Visitor({"origin": "http://192.0.2.1:8080", "content-type": FORM})
            short = await device.ask("POST", path, visitor, content=f"{fields}={GREEDY * 100}".encode())
            long = await device.ask("POST", path, visitor, content=f"{fields}={GREEDY * 10_000}".encode())
            assert short.status_code in {400, 401}
            assert long.status_code == 413

    asyncio.run(scenario())


def test_a_form_without_files_is_no_larger_where_files_may_be(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as device:
            ada = await device.person("Ada", "admin")
            headers = {**ada.headers, "content-type": FORM}
            small = await device.ask("POST", "/import", Visitor(headers), content=b"a=" + b"a" * (7 << 20))
            large = await device.ask("POST", "/import", Visitor(headers), content=b"a=" + b"a" * (9 << 20))
            assert (small.status_code, large.status_code) == (400, 413)

    asyncio.run(scenario())


def test_a_host_that_cannot_be_one_is_no_failure_of_ours(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as device:
            for host in ("192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:99999", "[::1", "[x]:y", "a:b:c"):
                assert (await device.ask("GET", "/login", Visitor({"host": host}))).status_code == 421

    asyncio.run(scenario())


def test_an_address_of_htmx_that_is_none_is_no_failure_of_ours(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as device:
            ada = await device.person("Ada", "admin")
            odd = {"hx-request": "true", "hx-current-url": "http://["}
            assert (await device.ask("GET", "/", Visitor(odd))).status_code == 401
            assert (await device.ask("GET", "/c/list", Visitor({**ada.headers, **odd}))).status_code == 200

    asyncio.run(scenario())


def test_a_text_is_no_longer_than_a_file_may_be(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as device:
            gus = await device.person("Ada", "admin")
            reply = await device.ask("POST", "/c", gus, data={"text": "a" * 1_000_001})
            assert reply.status_code == 400
            assert "1000001" in reply.text

    asyncio.run(scenario())


def test_a_session_has_twelve_streams_and_the_device_two_hundred() -> None:
    streams, places = Streams(), []

    def take(session: str) -> bool:
        with suppress(QueueFullError):
            places.append(streams.take(session))
            return True
        return False

    assert all(take("a") for _ in range(12))
    assert not take("a")
    assert all(take(f"{number}") for number in range(188))
    assert not take("another")
    for give_back in [*places, *places]:  # twice is once
        give_back()
    assert all(take("a") for _ in range(12))


def test_a_stream_too_many_is_refused_and_a_closed_one_makes_room(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as device:
            ada = await device.person("Ada", "admin")
            held = [asyncio.create_task(listen(device, ada)) for _ in range(12)]
            await asyncio.sleep(0.3)
            refused = await device.ask("GET", "/events", ada)
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
            await device.node.security.sessions.revoke_all((await device.identify(ada)).user_id)  # type: ignore[union-attr]
            assert set(await asyncio.gather(*held)) == {200}
            assert (await device.ask("GET", "/events", ada)).headers["location"].startswith("/login")

    async def listen(device: House, visitor: Visitor) -> int:
        return (await device.ask("GET", "/events", visitor)).status_code

    asyncio.run(scenario())
