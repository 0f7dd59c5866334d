"""A way to the daemon that a test can cut off, as a bad network does."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Relay:
    """Passes connections on to a port of this computer."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._through = threading.Event()
        self._refuses = False
        self._through.set()
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections, and take no new ones."""
        self._refuses = True
        self._drop()

    def freeze(self) -> None:
        """Let nothing through any more, and say nothing about it."""
        self._through.clear()

    def mend(self) -> None:
        """Let everything through again; frozen connections are over."""
        self._refuses = False
        if not self._through.is_set():
            self._drop()
            self._through.set()

    def close(self) -> None:
        """Stop."""
        self._server.close()
        self._through.set()
        self._drop()

    def _drop(self) -> None:
        for side in list(self._open):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                if self._refuses:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._target))
                self._open |= {near, far}
                for side, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(side, other), daemon=True).start()

    def _pass(self, side: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := side.recv(65536):
                self._through.wait()
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)
        self._open.discard(side)
        side.close()


@contextmanager
def relay(port: int) -> Iterator[Relay]:
    """Open a way to a port for the block."""
    way = Relay(port)
    try:
        yield way
    finally:
        way.close()
