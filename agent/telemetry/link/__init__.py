"""The connection to the broker: made, kept, made again. Nothing outside this package imports an MQTT library."""

from dataclasses import dataclass
from typing import Literal, Protocol

from agent.telemetry.message import Outgoing


class Publisher(Protocol):
    """What sends messages while there is a connection."""

    @property
    def window(self) -> int:
        """How many QoS 1 messages may be unacknowledged at a time; 0: there is no connection."""
        ...

    async def publish(self, message: Outgoing) -> None:
        """Send a message; QoS 1: return when the broker has it, QoS 0: when it is written to the socket.

        Raises:
            LinkDownError: the connection ended before that, or there is none.
            RefusedError: the broker does not want the message.
        """
        ...

    def offer(self, message: Outgoing) -> bool:
        """Send a QoS 0 message if it can go now, else drop it and return False."""
        ...


State = Literal["connecting", "connected", "waiting", "refused"]


@dataclass(frozen=True)
class LinkStatus:
    """How the connection is, for people.

    Attributes:
        state: waiting: for the next try; refused: the same, but it is somebody's turn to do something about it.
        since: when it came to be so, as `time.monotonic()` counts.
        reason: what is wrong, in a sentence; also set while connected, when the broker forbids something.
        hint: what to do about it.
        next_try: of the next try, as `time.monotonic()` counts; 0: none is planned.
        protocol: version of MQTT; empty: not known yet.
        reconnects: how often the connection was made again.
    """

    state: State
    since: float
    reason: str = ""
    hint: str = ""
    next_try: float = 0.0
    protocol: Literal["", "5", "3.1.1"] = ""
    reconnects: int = 0
