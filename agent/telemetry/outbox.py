"""The outbox: history that waits for the broker, and what the rest of the daemon does with it.

Everything runs in a thread of its own, one thing after the other, so that a slow card delays nobody. Nothing here
raises for a disk that is full, broken or away: items then stay in memory, and `stats().trouble` says so.
"""

import asyncio
import functools
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from agent.telemetry.clock import Clock
from agent.telemetry.payloads import Rank, Value
from agent.telemetry.waiting.kinds import Batch, Limits, OutboxStats
from agent.telemetry.waiting.ledger import Ledger

__all__ = ["Batch", "Limits", "Outbox", "OutboxStats"]

T = TypeVar("T")


class Outbox:
    """Open it once, close it at the end.

    Args:
        boot: names this run of the daemon; no other run has the same.

    Attributes:
        limits: what it may take.
        news: set when there is something to take.
    """

    def __init__(self, path: Path, limits: Limits, clock: Clock, boot: str) -> None:
        self.limits = limits
        self.news = asyncio.Event()
        self._clock = clock
        self._ledger = Ledger(path, limits, clock, boot)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def open(self) -> None:
        """Find what earlier runs have left; make the file if there is none, or if it is broken."""
        await self._run(self._ledger.open)
        self.news.set()

    async def close(self) -> None:
        """Write all that is in memory to the disk."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        await self._run(self._ledger.close)
        self._thread.shutdown()

    async def append(  # noqa: PLR0913 - each kind of item uses one or two of them
        self,
        rank: Rank,
        *,
        values: Mapping[str, Value] | None = None,
        event: str = "",
        data: Mapping[str, Any] | None = None,
        level: str = "",
        text: str = "",
    ) -> int:
        """Take an item, stamped with this moment, and return its number; 0: the outbox is closed.

        Events are on the disk when this returns. Samples and lines of the log are within a minute, unless they are
        delivered before: then they never are.
        """
        if self._closed:
            return 0
        content = {"values": dict(values or {}), "event": event, "data": dict(data or {}), "level": level, "text": text}
        number = await self._run(functools.partial(self._ledger.append, rank, self._clock.now(), **content))
        self.news.set()
        self._wake(self.limits.flush_seconds)
        return number

    async def take(self, rank: Rank, items: int, size: int) -> Batch | None:
        """Return the oldest items that nobody has taken, all of one run of the daemon.

        Args:
            rank: which kind.
            items: at most.
            size: bytes of the payload, at most; a single item may be larger.
        """
        if self._closed:
            return None
        taken = self._submit(functools.partial(self._ledger.take, rank, items, size))
        try:
            return await asyncio.shield(asyncio.wrap_future(taken))
        except asyncio.CancelledError:  # nobody will get what the thread takes all the same
            self._submit(lambda: self._return(taken))
            raise

    async def done(self, batch: Batch) -> None:
        """Forget items that the broker has. Those that had not been written to the disk cost no write."""
        if self._closed:
            return
        await self._run(functools.partial(self._ledger.done, batch))
        self._wake(self.limits.flush_seconds)

    def give_back(self, batch: Batch) -> None:
        """Let items be taken again."""
        if not self._closed:
            self._submit(functools.partial(self._ledger.give_back, batch))
            self.news.set()

    def stats(self) -> OutboxStats:
        """Return how much waits, as of the last change."""
        return self._ledger.stats

    def _return(self, taken: "Future[Batch | None]") -> None:
        if batch := taken.result():
            self._ledger.give_back(batch)

    async def _run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns; it is done even if nobody waits for it any more."""
        return await asyncio.shield(asyncio.wrap_future(self._submit(work)))

    def _submit(self, work: Callable[[], T]) -> "Future[T]":
        return self._thread.submit(work)

    def _wake(self, seconds: float) -> None:
        if self._timer is None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._due)

    def _due(self) -> None:
        self._timer = None
        asyncio.wrap_future(self._submit(self._ledger.tick)).add_done_callback(self._again)

    def _again(self, ticked: "asyncio.Future[float]") -> None:
        if not ticked.cancelled() and (seconds := ticked.result()):
            self._wake(seconds)
