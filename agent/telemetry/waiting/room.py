"""Keeps outbox.db within its bounds, inside the transaction that would break them.

What is too old goes. Then, while there is too much: samples older than an hour become one per minute; after that the
oldest of the lowest kind goes, logs before samples before events.
"""

import itertools
from collections.abc import Callable, Container, Iterable, Iterator, Sequence

from agent.telemetry.clock import Clock
from agent.telemetry.payloads import Item, Rank
from agent.telemetry.waiting.database import journal_bytes
from agent.telemetry.waiting.file import OutboxFile
from agent.telemetry.waiting.kinds import MIB, RUN_BITS, Key, Limits, Loss, Reason
from agent.telemetry.waiting.thinning import merged, minutes

_LOWEST_FIRST: tuple[Rank, ...] = ("log", "telemetry", "event")
_LEAST = MIB  # bytes that the outbox may have however full the disk is: events must not be lost for that
_MARGIN = 32 * 1024  # bytes for the gaps that are written afterwards
_HOUR = 3600.0
_DROPPED_AT_ONCE = 64
_THINNED_AT_ONCE = 120


class Room:
    """Makes room. `dropped` counts the items that had to go.

    Args:
        free: returns the bytes that are free on the disk.
    """

    def __init__(self, limits: Limits, clock: Clock, free: Callable[[], int]) -> None:
        self.dropped = 0
        self._limits = limits
        self._clock = clock
        self._free = free
        self._thinned = 0  # id up to which nothing is left to be thinned

    def make(self, file: OutboxFile, held: Container[int]) -> list[Loss]:
        """Bring the file within its bounds and return what was lost.

        Args:
            file: in a transaction.
            held: ids of what is on its way to the broker; it stays.
        """
        losses = self._drop_aged(file, held)
        if file.counts["log"] and file.log_bytes() > self._limits.logs:
            losses += self._drop(file, "log", held, "full")
        size, reason = self._bound(file)
        while file.used() > size:
            losses += (freed := self._thin(file, held) or self._drop_lowest(file, held, reason))
            if not freed:
                break
        return losses

    def short(self, file: OutboxFile) -> bool:
        """Return whether the disk is so full that free pages should be given back at once."""
        return self._bound(file)[1] == "disk"

    def _bound(self, file: OutboxFile) -> tuple[int, Reason]:
        journal = journal_bytes(self._limits.size)
        own = self._limits.size - 2 * journal - _MARGIN
        disk = max(min(_LEAST, own), file.allocated() + self._free() - self._limits.free)
        return (own, "full") if own <= disk else (disk, "disk")

    def _drop_aged(self, file: OutboxFile, held: Container[int]) -> list[Loss]:
        losses: list[Loss] = []
        for run, kernel in file.runs.values():
            cutoff = self._clock.cutoff(kernel, self._limits.age)
            for rank in _LOWEST_FIRST:
                while rows := file.between(rank, run << RUN_BITS, run + 1 << RUN_BITS, _DROPPED_AT_ONCE):
                    aged = [row for row in rows if row[1].mono < cutoff and row[0] not in held]
                    losses += self._delete(file, rank, aged, "age")
                    if len(aged) < len(rows):
                        break
        return losses

    def _drop_lowest(self, file: OutboxFile, held: Container[int], reason: Reason) -> list[Loss]:
        return next((losses for rank in _LOWEST_FIRST if (losses := self._drop(file, rank, held, reason))), [])

    def _drop(self, file: OutboxFile, rank: Rank, held: Container[int], reason: Reason) -> list[Loss]:
        after = 0
        while rows := file.after(rank, after, _DROPPED_AT_ONCE):
            if idle := [row for row in rows if row[0] not in held]:
                return self._delete(file, rank, idle, reason)
            after = rows[-1][0]
        return []

    def _delete(self, file: OutboxFile, rank: Rank, rows: Sequence[tuple[int, Item]], reason: Reason) -> list[Loss]:
        file.delete(rank, [row for row, _ in rows])
        self.dropped += len(rows)
        return list(ranges(((item.boot, item.seq) for _, item in rows), reason))

    def _thin(self, file: OutboxFile, held: Container[int]) -> list[Loss]:
        """Merge some of the oldest samples by minute; return what that cost, nothing when all is merged."""
        while rows := file.after("telemetry", self._thinned, _THINNED_AT_ONCE):
            old = [item for _, item in itertools.takewhile(lambda row: self._is_old(file, row[1]), rows)]
            whole = list(minutes(old))
            if len(old) == _THINNED_AT_ONCE and len(whole) > 1:
                whole.pop()  # its rest is in the next rows
            if not whole:
                return []
            self._thinned = file.id_of((whole[-1][-1].boot, whole[-1][-1].seq))
            changes: dict[int, Item | None] = {}
            losses = [loss for group in whole for loss in _merge(file, group, held, changes)]
            if losses:
                file.edit_samples(changes)
                return losses
        return []

    def _is_old(self, file: OutboxFile, item: Item) -> bool:
        return item.mono < self._clock.cutoff(file.runs[item.boot][1], _HOUR)


def ranges(keys: Iterable[Key], reason: Reason) -> Iterable[Loss]:
    """Yield losses that cover exactly these numbers, which come in order."""
    numbered = enumerate(keys)
    for _, group in itertools.groupby(numbered, key=lambda pair: (pair[1][0], pair[1][1] - pair[0])):
        numbers = [key for _, key in group]
        yield Loss(numbers[0][0], numbers[0][1], numbers[-1][1], reason)


def _merge(
    file: OutboxFile, group: Sequence[Item], held: Container[int], changes: dict[int, Item | None]
) -> Iterator[Loss]:
    """Add to the changes what makes one sample of several, and yield what that costs."""
    rows = [(file.id_of((item.boot, item.seq)), item) for item in group]
    raw = [(row, item) for row, item in rows if not item.span and row not in held]
    if len(raw) < 2:  # noqa: PLR2004 - one sample stays as it is
        return
    items = [item for _, item in raw]
    changes.update(dict.fromkeys(row for row, _ in raw))
    changes[raw[-1][0]] = merged(items)
    yield Loss(items[0].boot, items[0].seq, items[-1].seq, "thinned")
