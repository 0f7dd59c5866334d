"""A link as the daemon has one, and a listener that writes down what it is told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from agent.telemetry.link.address import Address
from agent.telemetry.link.link import Link
from agent.telemetry.link.pace import Pace
from agent.telemetry.message import Incoming, Outgoing

DEVICE = "kitchen-1"
STATUS = f"edgewise/v1/{DEVICE}/status"
COMMANDS = f"edgewise/v1/{DEVICE}/cmd/+"
WILL = Outgoing(STATUS, b"offline", retain=True, content_type="")
QUICK = Pace(keepalive=60, patience=5.0, first=0.05, longest=0.2, refused_first=30.0)


class Recorder:
    """A listener that says `online` as the daemon does, and acknowledges what it is told to.

    Attributes:
        starts: for each connection, whether the broker remembered us.
        ends: for each that ended, why.
        messages: all that came.
    """

    def __init__(self, *, acknowledge: bool = True, greet: bool = True) -> None:
        self.starts: list[bool] = []
        self.ends: list[str] = []
        self.messages: list[Incoming] = []
        self._acknowledge, self._greet = acknowledge, greet

    async def connected(self, link: Link, session_present: bool) -> None:  # noqa: FBT001 - the protocol's
        if self._greet:
            await link.publish(replace(WILL, payload=b"online"))
        self.starts.append(session_present)

    async def disconnected(self, reason: str) -> None:
        self.ends.append(reason)

    async def received(self, message: Incoming) -> None:
        self.messages.append(message)
        if self._acknowledge:
            message.acknowledge()


@asynccontextmanager
async def linked(
    address: Address | str,
    recorder: Recorder | None = None,
    *,
    pace: Pace = QUICK,
    will_delay: float = 0.0,
    subscriptions: Sequence[str] = (COMMANDS,),
    **options: Any,  # noqa: ANN401 - those of Link
) -> AsyncIterator[Link]:
    """Run a link for the block, and cut it off without a word at the end."""
    where = Address(address, DEVICE) if isinstance(address, str) else address
    listener = recorder or Recorder()
    link = Link(where, listener, will=WILL, will_delay=will_delay, subscriptions=subscriptions, pace=pace, **options)
    running = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled() or running.exception() is None


async def until(holds: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - whoever makes it hold knows nothing of us
            await asyncio.sleep(0.005)


async def connected(link: Link, seconds: float = 10.0) -> None:
    """Wait for the connection."""
    await until(lambda: link.status.state == "connected", seconds)
