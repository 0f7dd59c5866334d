"""How many connections may be open, and what becomes of the others."""

import asyncio
import logging
import resource
import socket
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.web.daemon import COMMAND, daemon, eventually
from web.crowd import Crowd, Gate, Limits

FEW = Limits(all=3, elsewhere=3)
MANY = Limits(all=1000, elsewhere=512)


def enter(crowd: Crowd, times: int, peer: str) -> int:
    return sum(bool(crowd.enter(peer)) for _ in range(times))


def test_an_address_has_64_connections_and_others_get_in() -> None:
    crowd = Crowd(MANY)
    first = crowd.enter("192.0.2.1")
    assert enter(crowd, 100, "192.0.2.1") == 63
    assert enter(crowd, 1, "192.0.2.2") == 1
    crowd.leave(first)
    assert enter(crowd, 2, "192.0.2.1") == 1


def test_an_ipv4_address_is_the_same_through_a_socket_for_ipv6() -> None:
    crowd = Crowd(MANY)
    enter(crowd, 64, "192.0.2.1")
    assert not crowd.enter("::ffff:192.0.2.1")


def test_the_addresses_of_an_ipv6_network_have_128_connections_together() -> None:
    crowd = Crowd(MANY)
    assert sum(enter(crowd, 1, f"2001:db8::{number:x}") for number in range(200)) == 128
    assert enter(crowd, 100, "2001:db8:0:1::1") == 64
    assert enter(crowd, 100, "fe80::1%eth0") == 64


def test_this_computer_gets_in_when_all_others_together_have_filled_their_places() -> None:
    crowd = Crowd(MANY)
    assert sum(enter(crowd, 1, f"198.51.{number // 250}.{number % 250}") for number in range(800)) == 512
    assert enter(crowd, 200, "127.0.0.1") == 200
    assert enter(crowd, 200, "::1") == 200


def test_nothing_is_kept_of_those_who_have_left() -> None:
    crowd = Crowd(MANY)
    for peer in ("192.0.2.1", "2001:db8::1", "127.0.0.1"):
        crowd.leave(crowd.enter(peer))
    assert len(crowd) == 0
    assert not crowd._open


def test_a_quarter_of_the_files_is_left_to_the_daemon() -> None:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert Limits.of_process().all <= files * 3 / 4
    assert Limits.of_process().elsewhere <= files / 2


def test_floods_are_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    crowd = Crowd(MANY)
    with caplog.at_level(logging.WARNING):
        enter(crowd, 500, "192.0.2.1")
    assert crowd.refused.count == 436
    assert len(caplog.records) == 1
    assert "192.0.2.1" in caplog.text


def test_one_connection_too_many_is_closed_at_once_and_a_place_that_comes_free_is_given_again() -> None:
    async def scenario() -> None:
        crowd = Crowd(FEW)
        with Gate(socket.create_server(("127.0.0.1", 0)), crowd) as gate:
            async with await asyncio.start_server(greet, sock=gate):
                held = [await asyncio.open_connection(*gate.getsockname()) for _ in range(3)]
                assert [await reader.readline() for reader, _ in held] == [b"hello\n"] * 3
                for _ in range(3):
                    reader, writer = await asyncio.open_connection(*gate.getsockname())
                    assert await reader.read() == b""
                    writer.close()
                assert (len(crowd), crowd.refused.count) == (3, 3)
                for _, writer in held:
                    writer.close()
                await asyncio.sleep(0.1)
                assert len(crowd) == 0
                reader, writer = await asyncio.open_connection(*gate.getsockname())
                assert await reader.readline() == b"hello\n"
                writer.close()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        await reader.read()
        writer.close()

    asyncio.run(asyncio.wait_for(scenario(), 10))


def is_open(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True


def answers(url: str) -> bool:
    try:
        return httpx.get(url, verify=False, trust_env=False).status_code == 200  # noqa: S501 - our own certificate
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("flags", [[], ["--tls", "self"]], ids=["plain", "tls"])
def test_a_flood_of_connections_leaves_a_daemon_its_files(
    state: Path, flags: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From this computer, which no limit of an address holds back; with TLS before any of them shakes hands."""
    monkeypatch.setattr("tests.web.daemon.COMMAND", ["sh", "-c", 'ulimit -n 200; exec "$@"', "sh", *COMMAND])
    with daemon(state, *flags, ready=False) as running:
        address = (running.http.base_url.host, running.http.base_url.port)
        with ExitStack() as flood:
            held = [flood.enter_context(socket.create_connection(address)) for _ in range(250)]
            for connection in held:
                connection.settimeout(0)
            eventually(lambda: sum(map(is_open, held)) == 150, 5)
        eventually(lambda: answers(running.url), 5)
        log = (state / "log").read_text()
        assert log.count("Too many connections") == 1
        assert "Traceback" not in log
