"""Carries what the outbox has to the broker, while there is a connection.

Events go first, and at once. Samples gather for some intervals: how the device does now is in its state anyway, and a
message of five is less work for a hub and a metered line than five messages. Within a kind everything goes in the order
of its numbers. After an outage history starts at a random moment, at a bounded pace and in half of the window, so that
a fleet that comes back does not drown its hub, and commands are answered meanwhile.
"""

import asyncio
import contextlib
import logging
import random
from dataclasses import dataclass

from agent.errors import LinkDownError, RefusedError
from agent.telemetry.link import Publisher
from agent.telemetry.message import Outgoing
from agent.telemetry.outbox import Batch, Outbox
from agent.telemetry.payloads import Rank
from agent.telemetry.topics import Topics

logger = logging.getLogger(__name__)

_ITEMS, _BYTES = 60, 5000  # of a message; brokers that charge, charge by 5 kB
_WINDOW = 16  # messages that are unacknowledged at a time
_RANKS: tuple[Rank, ...] = ("event", "telemetry", "log")
_LOG_EXPIRY = 3600.0  # seconds
_INTERVALS, _LONGEST = 5, 45.0  # that samples gather, and seconds: those that go within a minute never touch the disk


@dataclass(frozen=True)
class Pace:
    """How history is sent.

    Attributes:
        rate: items per second.
        spread: seconds within which it starts, at random.
        backlog: items from which on that wait is worth it.
        patience: seconds until a kind that the broker has refused is tried again.
        gather: seconds for which new samples wait for more of them.
    """

    rate: float = 200.0
    spread: float = 60.0
    backlog: int = 120
    patience: float = 60.0
    gather: float = 0.0

    @classmethod
    def of(cls, interval: float) -> "Pace":
        """Return the usual one for samples that come every `interval` seconds."""
        return cls(gather=min(_INTERVALS * interval, _LONGEST))


class Courier:
    """Takes batches from the outbox and forgets them once the broker has them."""

    def __init__(self, outbox: Outbox, topics: Topics, pace: Pace | None = None) -> None:
        self._outbox = outbox
        self._topics = topics
        self._pace = pace or Pace()
        self._resume: dict[Rank, float] = {}  # when a kind may go again, as the loop counts
        self._flying: set[Batch] = set()
        self._landed = asyncio.Event()

    async def run(self, link: Publisher) -> None:
        """Send until cancelled, or until the connection ends. What is not acknowledged then stays in the outbox."""
        start = asyncio.get_running_loop().time() + random.uniform(0, self._pace.spread)  # noqa: S311 - no secret
        late = self._outbox.stats().rows > self._pace.backlog
        self._resume = {"telemetry": start, "log": start} if late else {}
        try:
            async with asyncio.TaskGroup() as group:
                await self._send_all(link, group)
        except* LinkDownError:
            logger.debug("the connection ended with %d messages on their way", len(self._flying))
        finally:
            for batch in self._flying:
                self._outbox.give_back(batch)
            self._flying.clear()

    async def _send_all(self, link: Publisher, group: asyncio.TaskGroup) -> None:
        while True:
            self._outbox.news.clear()
            batch = await self._next()
            if batch is None:
                await self._wait()
                continue
            room = self._window(link, batch)
            self._flying.add(batch)
            while len(self._flying) > room:
                self._landed.clear()
                await self._landed.wait()
            group.create_task(self._send(link, batch))
            await asyncio.sleep(len(batch.items) / self._pace.rate if batch.history else 0)

    async def _next(self) -> Batch | None:
        now = asyncio.get_running_loop().time()
        for rank in _RANKS:
            if self._resume.get(rank, 0.0) <= now and (batch := await self._outbox.take(rank, _ITEMS, _BYTES)):
                if rank == "telemetry" and not batch.history and len(batch.payload) < _BYTES / 2:
                    self._resume[rank] = now + self._pace.gather
                return batch
        return None

    async def _wait(self) -> None:
        """Wait until something has changed, or a kind may go again."""
        now = asyncio.get_running_loop().time()
        later = [moment - now for moment in self._resume.values() if moment > now]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(later, default=None)):
                await self._outbox.news.wait()

    def _window(self, link: Publisher, batch: Batch) -> int:
        window = max(1, min(_WINDOW, link.window))
        return max(1, window // 2) if batch.history else window

    async def _send(self, link: Publisher, batch: Batch) -> None:
        try:
            await link.publish(self._message(batch))
        except RefusedError as error:
            self._resume[batch.rank] = asyncio.get_running_loop().time() + self._pace.patience
            logger.warning("the broker does not take %ss: %s", batch.rank, error)
            self._outbox.give_back(batch)
        else:
            await self._outbox.done(batch)
        self._flying.discard(batch)
        self._landed.set()

    def _message(self, batch: Batch) -> Outgoing:
        first = batch.items[0]
        return Outgoing(
            self._topics.own(batch.rank),
            batch.payload,
            expiry=_LOG_EXPIRY if batch.rank == "log" else self._outbox.limits.age,
            properties=(
                ("boot", first.boot),
                ("seq0", str(first.seq)),
                ("n", str(len(batch.items))),
                ("hist", "1" if batch.history else "0"),
            ),
        )
