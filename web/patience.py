"""How long a client may take to say what it wants (against slow-loris, which holds connections by drops).

While a connection is idle between two requests, uvicorn's own time for that counts. Nothing is done per packet but
adding up their sizes: who takes too long is found by looking at all connections once a second.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from web.tally import Tally


@dataclass(frozen=True, slots=True)
class Patience:
    """What is waited for.

    Attributes:
        header: seconds for a header, from the connection or the first byte on.
        body: seconds for a body.
        rate: bytes of a body that give one more second each time they have arrived.
    """

    header: float = 30.0
    body: float = 60.0
    rate: float = 1000.0


class Protocol(H11Protocol):
    """HTTP/1.1 on one connection."""

    received = 0  # bytes
    _stage: object = None
    _since = 0.0
    _before = 0

    def data_received(self, data: bytes) -> None:
        """Take what has arrived."""
        self.received += len(data)
        super().data_received(data)

    def is_overdue(self, patience: Patience, now: float) -> bool:
        """Tell whether the client is too slow. A stage begins when this is asked for the first time in it.

        Args:
            patience: how long a stage may last.
            now: seconds on a clock that is never set back.
        """
        waits_for = self._waits_for()
        stage = (waits_for, self.cycle)  # each request has a cycle of its own, from its header on
        if not waits_for or stage != self._stage:
            self._stage, self._since, self._before = stage, now, self.received
        body = patience.body + (self.received - self._before) / patience.rate
        return now - self._since > (patience.header if waits_for == "header" else body)

    def _waits_for(self) -> str:
        """Return what the client owes us: `header`, `body`, or nothing."""
        if self.conn.their_state is h11.IDLE and self.timeout_keep_alive_task is None:
            return "header"
        # While reading is paused, it is us who are slow.
        return "body" if self.conn.their_state is h11.SEND_BODY and not self.flow.read_paused else ""


def end_overdue(connections: Iterable[object], patience: Patience, now: float, overdue: Tally) -> None:
    """End the connections whose clients are too slow."""
    for connection in list(connections):
        if isinstance(connection, Protocol) and connection.is_overdue(patience, now):
            overdue.add(connection.client[0] if connection.client else "")
            connection.transport.abort()  # a polite end would wait for them once more
