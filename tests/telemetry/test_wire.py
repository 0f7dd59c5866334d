"""The cable does what other tests rely on."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.telemetry.wire import Wire, wire


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says what it hears."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        with client, suppress(OSError):
            while data := client.recv(65536):
                client.sendall(data)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = server.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield int(server.getsockname()[1])
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def client_of(cable: Wire) -> socket.socket:
    return socket.create_connection(("127.0.0.1", cable.port), timeout=5)


def test_a_good_cable_carries_everything_both_ways(echo: int) -> None:
    with wire(echo) as cable, client_of(cable) as client:
        client.sendall(b"hello")
        assert client.recv(10) == b"hello"
        assert (cable.taken, cable.carried) == (1, {"up": 5, "down": 5})


def test_a_cut_cable_ends_connections_and_takes_no_new_ones_until_it_is_mended(echo: int) -> None:
    with wire(echo) as cable:
        with client_of(cable) as client:
            client.sendall(b"a")
            client.recv(1)
            cable.cut()
            assert client.recv(1) == b""
        with client_of(cable) as client:
            assert client.recv(1) == b""
        cable.mend()
        with client_of(cable) as client:
            client.sendall(b"b")
            assert client.recv(1) == b"b"


def test_a_reset_is_a_reset(echo: int) -> None:
    with wire(echo) as cable, client_of(cable) as client:
        client.sendall(b"a")
        client.recv(1)
        cable.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_a_frozen_cable_says_nothing_and_its_connections_are_over_when_it_is_mended(echo: int) -> None:
    with wire(echo) as cable, client_of(cable) as client:
        client.sendall(b"a")
        client.recv(1)
        cable.freeze()
        client.sendall(b"b")
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(1)
        cable.mend()
        client.settimeout(5)
        assert client.recv(1) == b""


def test_a_cable_swallows_what_comes_after_so_many_bytes(echo: int) -> None:
    with wire(echo) as cable, client_of(cable) as client:
        cable.swallow_after(3)
        client.sendall(b"abcdef")
        time.sleep(0.1)
        assert cable.carried["up"] == 3


def test_a_dripping_and_a_long_cable_take_their_time(echo: int) -> None:
    with wire(echo) as cable, client_of(cable) as client:
        cable.drip(10_000)
        start = time.monotonic()
        client.sendall(b"x" * 2000)
        got = 0
        while got < 2000:
            got += len(client.recv(4096))
        assert 0.15 < time.monotonic() - start < 2
        cable.mend()
        cable.delay(0.1)
        start = time.monotonic()
        client.sendall(b"y")
        client.recv(1)
        assert time.monotonic() - start >= 0.2
