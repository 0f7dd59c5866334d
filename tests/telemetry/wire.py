"""A cable between a client and a server that a test can cut, stretch and clog. No rights are needed."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

Direction = Literal["up", "down"]
_AT_ONCE = 65536  # bytes
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time


class Wire:
    """Passes connections on to a port of this computer. What is set holds for all connections, old and new.

    Attributes:
        port: where to connect to.
        taken: how many connections there were.
        carried: bytes that have passed, towards the server (`up`) and back (`down`).
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.taken = 0
        self.carried: dict[Direction, int] = {"up": 0, "down": 0}
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._abrupt: set[socket.socket] = set()  # to be closed without a FIN
        self._open = threading.Event()  # bytes may pass
        self._open.set()
        self._refuses = False
        self._left: int | None = None  # bytes until nothing passes any more
        self._rate = 0.0  # bytes per second; 0: as they come
        self._delay = 0.0  # seconds
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections in an orderly way, and take no new ones."""
        self._refuses = True
        self._shut()

    def reset(self) -> None:
        """End all connections with a RST; new ones are taken."""
        sides = {side for pair in list(self._pairs) for side in pair}
        self._abrupt |= sides  # all of them, before the end of the first is passed on to the second
        for side in sides:
            with suppress(OSError):
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                side.shutdown(socket.SHUT_RD)

    def freeze(self) -> None:
        """Let nothing through any more and tell nobody, as when a router is switched off: connections are half open."""
        self._open.clear()

    def swallow_after(self, count: int) -> None:
        """Let some more bytes through towards the server, then freeze."""
        self._left = count

    def drip(self, rate: float) -> None:
        """Let no more bytes per second through."""
        self._rate = rate

    def delay(self, seconds: float) -> None:
        """Let everything arrive later."""
        self._delay = seconds

    def mend(self) -> None:
        """Be a good cable again. Frozen connections are over: the other side has long given them up."""
        self._refuses, self._left, self._rate, self._delay = False, None, 0.0, 0.0
        if not self._open.is_set():
            self._shut()
            self._open.set()

    def close(self) -> None:
        """Stop."""
        self._refuses = True
        self._open.set()
        self._server.close()
        self._shut()

    def _shut(self) -> None:
        for side in {side for pair in list(self._pairs) for side in pair}:
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = self._reach()
                if far is None:
                    near.close()
                    continue
                for side in (near, far):  # a cable has no opinion on how large packets should be
                    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.taken += 1
                self._pairs.add((near, far))
                threading.Thread(target=self._connect, args=(near, far), daemon=True).start()

    def _reach(self) -> socket.socket | None:
        if self._refuses:
            return None
        with suppress(OSError):
            return socket.create_connection(("127.0.0.1", self._target))
        return None

    def _connect(self, near: socket.socket, far: socket.socket) -> None:
        """Pass bytes both ways, until one of the sides ends."""
        back = threading.Thread(target=self._pass, args=(far, near, "down"), daemon=True)
        back.start()
        self._pass(near, far, "up")
        back.join()
        self._pairs.discard((near, far))
        self._abrupt -= {near, far}
        near.close()
        far.close()

    def _pass(self, side: socket.socket, other: socket.socket, direction: Direction) -> None:
        with suppress(OSError):
            while data := side.recv(_AT_ONCE):
                time.sleep(self._delay)
                while data:
                    self._open.wait()
                    piece = data[: max(1, int(self._rate / 20)) if self._rate else None]
                    data = data[len(piece) :]
                    time.sleep(len(piece) / self._rate if self._rate else 0)
                    self._send(other, piece, direction)
        for end in {side, other} - self._abrupt:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _send(self, other: socket.socket, piece: bytes, direction: Direction) -> None:
        """Send what gets through: towards the server perhaps only the beginning, and then nothing any more."""
        if direction == "up" and self._left is not None:
            piece = piece[: self._left]
            self._left -= len(piece)
            if not self._left:
                self._open.clear()
        self.carried[direction] += len(piece)
        other.sendall(piece)


@contextmanager
def wire(target: int) -> Iterator[Wire]:
    """Lay a cable to a port for the block."""
    cable = Wire(target)
    try:
        yield cable
    finally:
        cable.close()
