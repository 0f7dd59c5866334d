"""What waits, in memory and on disk, and who has which number. Blocks, and belongs to one thread.

Numbers are reserved on disk in blocks before they are given. Every transaction writes all that is in memory, so that
after it each number given so far is in the file, was delivered, or is in a gap. After a crash only what was reserved
since then is uncertain, and the next run reports just that as a gap.
"""

import contextlib
import logging
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.phrase import Phrase
from agent.telemetry.clock import Clock, Stamp
from agent.telemetry.payloads import Item, Rank
from agent.telemetry.waiting.database import PAGE, known_runs, sense, set_aside
from agent.telemetry.waiting.file import OutboxFile
from agent.telemetry.waiting.gaps import Gaps
from agent.telemetry.waiting.kinds import Batch, Limits, Loss, OutboxStats
from agent.telemetry.waiting.memory import Memory
from agent.telemetry.waiting.queue import Queue
from agent.telemetry.waiting.room import Room, ranges
from agent.upkeep.checking import is_corrupt

logger = logging.getLogger(__name__)

RANKS: tuple[Rank, ...] = ("event", "telemetry", "log")
_BLOCK = 256  # numbers that are reserved at a time
_DONE_AT_ONCE = 500  # rows that are deleted together
_RETRY = 10.0  # seconds between two tries to write to a disk that failed
_FREE_PAGES = 128  # that may lie idle in the file
_IO = Path("/proc/thread-self/io")


class Ledger:
    """Everything that waits.

    Args:
        boot: this run of the daemon.
        free: returns the bytes that are free on the disk; None: as the system says.
    """

    def __init__(
        self, path: Path, limits: Limits, clock: Clock, boot: str, free: Callable[[], int] | None = None
    ) -> None:
        self.stats = OutboxStats()
        self._path, self._limits, self._clock, self._boot = path, limits, clock, boot
        self._room = Room(limits, clock, free or (lambda: shutil.disk_usage(path.parent).free))
        self._memory, self._gaps = Memory(), Gaps()
        self._queue = Queue(clock, boot)
        self._file: OutboxFile | None = None
        self._begun = False
        self._last = self._reserved = self._settled_to = 0
        self._trouble, self._retry = "", 0.0
        self._written = 0

    def open(self) -> None:
        """Find out what earlier runs have left, and reserve numbers for this one."""
        self._written = _written()
        self.commit(durable=True)
        self._refresh()

    def close(self) -> None:
        """Write everything that is in memory, and give back the numbers that were not used."""
        self.commit(durable=True, closing=True)
        if self._file is not None:
            self._file.close()
            self._file = None
        self._clock.keep()

    def append(self, rank: Rank, stamp: Stamp, **content: Any) -> int:  # noqa: ANN401 - fields of Item, by name
        """Take an item and return its number. Events are on the disk when it returns, if the disk works."""
        if self._last >= self._reserved:
            self.commit(durable=True)
        seq = self._keep(rank, stamp, content)
        if rank == "event":
            self.commit(durable=True)
        elif len(self._memory) >= self._limits.flush_rows or self._memory.size > self._limits.memory // 2:
            self.commit(durable=False)
        self._refresh()
        return seq

    def take(self, rank: Rank, items: int, size: int) -> Batch | None:
        """Return the oldest that were not taken yet, and at least one if there is any."""
        gaps = list(self._gaps.items.values()) if rank == "event" else []
        try:
            batch = self._queue.take(rank, (items, size), gaps, self._file, self._memory.items(rank))
        except sqlite3.Error as error:
            self._failed(error)
            return None
        if batch is not None:
            self._gaps.seen.update(self._gaps.items.keys() & batch.keys())
        return batch

    def done(self, batch: Batch) -> None:
        """Forget what was delivered; the disk follows a little later."""
        for key in batch.keys():  # noqa: SIM118 - it is no mapping
            self._queue.held.discard(key)
            if key in self._gaps.items:
                self._gaps.remove(key)
            elif key in self._memory:
                self._memory.remove(batch.rank, key)
            else:
                self._queue.gone[batch.rank].add(key)
        if self._queue.waste() >= _DONE_AT_ONCE:
            self.commit(durable=False)
        self._refresh()

    def give_back(self, batch: Batch) -> None:
        """Let a batch be taken again."""
        self._queue.give_back(batch, self._file)

    def tick(self) -> float:
        """Write what has waited long enough; return the seconds after which to look again, 0: when something comes."""
        oldest = self._memory.oldest()
        left = self._limits.flush_seconds - (self._clock.now().mono - oldest.mono) if oldest else 0.0
        if left < self._limits.flush_seconds / 60 and (oldest or self._queue.waste() or self._gaps.unwritten()):
            self.commit(durable=False)
            self._refresh()
            left = self._limits.flush_seconds if self._memory else 0.0
        self._clock.keep()
        return left

    def commit(self, *, durable: bool, closing: bool = False) -> None:
        """Bring the disk up to date in one transaction; if it cannot be, memory keeps what it has."""
        now = self._clock.now().mono
        if self._trouble and now < self._retry and not closing:
            self._shrink()
            return
        for _ in range(2):  # again in a new file, when the old one is broken
            try:
                file = self._file or self._attach()
                self._transact(file, durable=durable, closing=closing)
                self._settled(file)
            except (sqlite3.Error, OSError) as error:
                self._retry = now + _RETRY
                if not self._failed(error):
                    return
            else:
                return

    def _transact(self, file: OutboxFile, *, durable: bool, closing: bool) -> None:
        before = (self._gaps.copy(), self._last, self._reserved, self._begun, self._room.dropped)
        try:
            with file.transaction(durable=durable):
                self._write(file, durable=durable, closing=closing)
        except (sqlite3.Error, OSError):
            self._gaps, self._last, self._reserved, self._begun, self._room.dropped = before
            raise

    def _write(self, file: OutboxFile, *, durable: bool, closing: bool) -> None:
        if not self._begun:
            self._begin(file)
        for rank in RANKS:
            file.put(rank, self._memory.items(rank))
            file.delete(rank, map(file.id_of, self._queue.gone[rank]))
        for loss in self._room.make(file, self._queue.held_ids(file)):
            self._note(loss)
        file.put("gap", [item for key, item in self._gaps.items.items() if key in self._gaps.fresh])
        file.delete("gap", map(file.id_of, self._gaps.gone))
        self._reserved = self._last if closing else max(self._reserved, self._last + (_BLOCK if durable else 0))
        file.settle(self._boot, self._reserved, self._last)

    def _settled(self, file: OutboxFile) -> None:
        self._settled_to = self._last
        self._memory.clear()
        self._queue.forget_gone()
        self._gaps.written()
        if self._trouble:
            logger.info("%s can be used again", self._path)
            self._trouble = ""
        free = file.allocated() - file.used()
        if free > _FREE_PAGES * PAGE and (file.used() < _FREE_PAGES * PAGE or self._room.short(file)):
            with contextlib.suppress(sqlite3.Error):  # it is only tidying; what matters fails on its own
                file.vacuum()
        self._clock.keep()

    def _attach(self) -> OutboxFile:
        try:
            file, gaps = self._opened()
        except sqlite3.Error as error:
            if not is_corrupt(error):
                raise
            self._set_aside(error)
            file, gaps = self._opened()
        self._gaps.load(gaps)
        self._file, self._begun = file, False
        return file

    def _opened(self) -> tuple[OutboxFile, list[Item]]:
        """Return the file, and the gaps that it has."""
        with sense():
            file = OutboxFile(self._path, self._limits.size)
        try:
            return file, [item for _, item in file.after("gap", 0, 1 << 16)]
        except sqlite3.Error:
            file.close()
            raise

    def _begin(self, file: OutboxFile) -> None:
        """Report what earlier runs may have lost when they ended, and begin this one."""
        for boot in set(file.runs) - {self._boot}:
            reserved, settled = file.numbers(boot)
            if reserved > settled:
                self._note(Loss(boot, settled + 1, reserved, "restart"))
                file.settle(boot, reserved, reserved)
        file.forget_runs(self._boot)
        if self._boot not in file.runs:
            file.begin_run(self._boot, self._clock.boot, self._last)
        self._begun = True

    def _failed(self, error: sqlite3.Error | OSError) -> bool:
        """Note what is wrong with the disk; return whether there is a new file to go on with."""
        if isinstance(error, sqlite3.Error) and is_corrupt(error) and self._file is not None:
            self._file.close()
            self._file = None
            with contextlib.suppress(OSError):
                self._set_aside(error)
                return True
        if not self._trouble:
            logger.warning("%s cannot be used, reports stay in memory: %s", self._path, error)
        self._trouble = Phrase(
            "telemetry.cannot_keep", "{file} cannot be used: {error}.", file=self._path.name, error=str(error)
        )
        self._shrink()
        return False

    def _set_aside(self, error: sqlite3.Error) -> None:
        lost = [loss for loss in known_runs(self._path) if loss.boot != self._boot]
        if self._settled_to:
            lost.append(Loss(self._boot, 1, self._settled_to, "corrupt"))
        stamp = self._clock.now()
        aside = set_aside(self._path, stamp.ts)
        known, self._gaps = self._gaps, Gaps()
        for item in known.items.values():  # under new numbers, since the runs that gave the old ones are forgotten
            self._note(Loss(item.data["boot"], item.data["from"], item.data["to"], item.data["reason"]))
        for loss in lost:
            self._note(loss)
        self._queue.forget_gone()
        self._keep("event", stamp, {"event": "outbox_corrupt", "data": {"file": aside.name, "error": str(error)}})

    def _keep(self, rank: Rank, stamp: Stamp, content: dict[str, Any]) -> int:
        self._last += 1
        self._memory.add(rank, _item(stamp, self._boot, self._last, content))
        return self._last

    def _note(self, loss: Loss) -> None:
        self._gaps.record(loss, self._gap)

    def _gap(self) -> Item:
        self._last += 1
        return _item(self._clock.now(), self._boot, self._last, {"event": "gap"})

    def _shrink(self) -> None:
        dropped = self._memory.shrink(self._limits.memory, self._queue.held)
        self._room.dropped += len(dropped)
        for loss in ranges(dropped, "disk"):
            self._note(loss)

    def _refresh(self) -> None:
        rows = len(self._memory) + len(self._gaps.items) - self._queue.waste()
        size, oldest = 0, self._memory.oldest()
        with contextlib.suppress(sqlite3.Error):  # what cannot be read now is not counted
            if self._file is not None:
                rows += sum(self._file.counts[rank] for rank in RANKS)
                size = self._file.used()
                oldest = self._file.oldest() or oldest
        self.stats = OutboxStats(
            rows=max(0, rows),
            bytes=size,
            oldest_ts=oldest.ts if oldest and rows else 0,
            dropped=self._room.dropped,
            written_bytes=_written() - self._written,
            trouble=self._trouble,
        )


def _item(stamp: Stamp, boot: str, seq: int, content: dict[str, Any]) -> Item:
    return Item(ts=stamp.ts, boot=boot, seq=seq, ts_q=stamp.quality, mono=stamp.mono, **content)


def _written() -> int:
    """Return the bytes that this thread has written."""
    try:
        found = dict(line.split(": ") for line in _IO.read_text().splitlines())
    except OSError:  # no such file, or none of ours
        return 0
    return int(found["wchar"])
