"""How many connections are open, by where they come from: it takes no account to hold one.

They are counted from the moment they are accepted, so that those count too that never finish a TLS handshake.
"""

import errno
import ipaddress
import os
import resource
import socket
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from web.door.host import as_address
from web.tally import Tally

_MOST_FROM_ELSEWHERE = 512
_HOST_BITS = 64
_ALL, _ELSEWHERE = "all", "elsewhere"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections may be open at the same time.

    Attributes:
        all: together.
        elsewhere: from other computers. This one is only limited by `all`: a reverse proxy on it brings everybody.
        address: from one address.
        network: from the same 64 bits of IPv6 addresses: one computer has all of them, or a whole house shares them.
    """

    all: int
    elsewhere: int
    address: int = 64
    network: int = 128

    @classmethod
    def of_process(cls) -> "Limits":
        """Return limits that leave a quarter of the files that this process may open to all that is no connection."""
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return cls(all=files * 3 // 4, elsewhere=min(files // 2, _MOST_FROM_ELSEWHERE))


class Crowd:
    """Everybody who has a connection to us."""

    def __init__(self, limits: Limits) -> None:
        self.refused = Tally("Too many connections, and some refused")
        self._limits = limits
        self._open: Counter[str] = Counter()

    def __len__(self) -> int:
        """Return how many connections are open."""
        return self._open[_ALL]

    def enter(self, peer: str) -> Collection[str]:
        """Count a connection; returns what it counts for, which is nothing if there is no room for it."""
        groups = self._groups(peer)
        if any(self._open[group] >= most for group, most in groups.items()):
            self.refused.add(peer)
            return ()
        for group in groups:
            self._open[group] += 1
        return groups

    def leave(self, groups: Iterable[str]) -> None:
        """Count a connection no longer."""
        for group in groups:
            self._open[group] -= 1
            if not self._open[group]:
                del self._open[group]

    def _groups(self, peer: str) -> dict[str, int]:
        """Return what a connection from an address counts for, and how many each of these may have."""
        address, limits = as_address(peer), self._limits
        if address is None or address.is_loopback:
            return {_ALL: limits.all}
        groups = {_ALL: limits.all, _ELSEWHERE: limits.elsewhere, str(address): limits.address}
        if isinstance(address, ipaddress.IPv6Address):
            groups[f"{int(address) >> _HOST_BITS:x}/64"] = limits.network
        return groups


class Gate(socket.socket):
    """A listening socket that closes connections at once for which there is no room.

    Args:
        listener: taken over; it can be used no longer.
        crowd: whom to count in.
    """

    def __init__(self, listener: socket.socket, crowd: Crowd) -> None:
        super().__init__(listener.family, listener.type, listener.proto, fileno=listener.detach())
        self._crowd = crowd
        self._last = os.open(os.devnull, os.O_RDONLY)

    def close(self) -> None:
        """Close it."""
        super().close()
        if self._last >= 0:
            os.close(self._last)
            self._last = -1

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection.

        Raises:
            ConnectionAbortedError: there was no room for it; asyncio takes that for one that has ended already.
        """
        try:
            connection, address = super().accept()
        except OSError as error:
            if error.errno in {
                errno.EMFILE,
                errno.ENFILE,
            }:  # asyncio would try this 2048 times, with as many tracebacks
                self._turn_away()
                raise ConnectionAbortedError from error
            raise
        groups = self._crowd.enter(address[0])
        if not groups:
            connection.close()
            raise ConnectionAbortedError
        guest = _Guest(self.family, self.type, self.proto, fileno=connection.detach())
        guest.on_close = partial(self._crowd.leave, groups)
        return guest, address

    def _turn_away(self) -> None:
        """Close a connection for which this process has no file left; one is kept for that."""
        os.close(self._last)
        self._last = -1
        try:
            connection, address = super().accept()
            connection.close()
            self._crowd.refused.add(address[0])
        finally:
            self._last = os.open(os.devnull, os.O_RDONLY)


class _Guest(socket.socket):
    """A connection that tells when it is closed."""

    on_close: Callable[[], None] | None = None

    def close(self) -> None:
        """Close it."""
        super().close()
        if self.on_close is not None:
            self.on_close()
            self.on_close = None
