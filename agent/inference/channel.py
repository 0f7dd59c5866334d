"""A child process's end of the connection to the daemon."""

import select
import socket
from collections.abc import Iterator

import msgspec

from agent.inference.frames import FrameBuffer, encode

_CHUNK = 1 << 20  # bytes read at once


class Channel:
    """Reads and writes frames.

    Attributes:
        open: whether there is more to come; whoever has had enough clears it.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.open = True
        self._socket = connection
        self._buffer = FrameBuffer()

    def receive(self, *, wait: bool | float) -> Iterator[bytes]:
        """Yield the bodies of the frames that have come; with `wait`, of one more if there are none.

        Args:
            wait: whether to wait for it, or for how many seconds at most.
        """
        while self.open:
            readable, _, _ = select.select([self._socket], [], [], None if wait is True else wait)
            if not readable:
                return
            try:
                data = self._socket.recv(_CHUNK)
            except ConnectionResetError:  # the daemon is gone and had not read everything
                data = b""
            if not data:
                self.open = False
                return
            for body in self._buffer.feed(data):
                yield body
                wait = False

    def send(self, frame: msgspec.Struct) -> None:
        """Send a frame, if the daemon is still there."""
        try:
            self._socket.sendall(encode(frame))
        except (BrokenPipeError, ConnectionResetError):  # the daemon is gone, so are its clients
            self.open = False
