"""What is done with outbox.db: rows in and out, transactions, and how large it is."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from agent.telemetry.payloads import Item, Rank
from agent.telemetry.waiting import content, database, packing
from agent.telemetry.waiting.kinds import RUN_BITS, Key
from agent.telemetry.waiting.samples import Samples

Table: TypeAlias = Rank | Literal["gap"]
TABLES: tuple[Table, ...] = ("gap", "event", "telemetry", "log")

_INSERT = "INSERT OR REPLACE INTO TABLE VALUES (?, ?, ?, ?, ?)"
_SELECT = "SELECT * FROM TABLE WHERE id > ? AND id < ? ORDER BY id LIMIT ?"
_NEWEST = "SELECT COALESCE(MAX(id), 0) FROM TABLE WHERE id < ?"
_EVERYTHING = 1 << 62
_SEQ = (1 << RUN_BITS) - 1


class OutboxFile:
    """An open outbox.db.

    Attributes:
        counts: items by table.
        runs: number and run of the kernel by run of the daemon.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self.path = path
        self._database = database.connect(path, limit)
        self._db = self._database.conn
        self._samples = Samples(self._db)
        self.counts = {table: self._count(table) for table in TABLES}
        self.runs: dict[str, tuple[int, str]] = {}
        self._boots: dict[int, str] = {}
        self.load()

    def load(self) -> None:
        """Read the small tables again, after a transaction has failed."""
        runs = self._db.execute("SELECT run, boot, kernel FROM runs").fetchall()
        self.runs = {boot: (run, kernel) for run, boot, kernel in runs}
        self._boots = {run: boot for run, boot, _ in runs}
        self._samples.load()

    @contextlib.contextmanager
    def transaction(self, *, durable: bool) -> Iterator[None]:
        """Do all of it or nothing. A durable one is on the disk when it ends; others survive all but a power cut."""
        self._db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        counts = dict(self.counts)
        try:
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                yield
        except BaseException:
            self.counts = counts
            with contextlib.suppress(sqlite3.Error):
                self.load()
            raise

    def close(self) -> None:
        """Close the file; its write-ahead log goes away, unless the disk is broken."""
        with contextlib.suppress(sqlite3.Error):
            self._database.close()

    def begin_run(self, boot: str, kernel: str, reserved: int) -> None:
        """Write down that a run has begun, and which numbers it may give."""
        self._db.execute(
            "INSERT INTO runs (boot, kernel, reserved, settled) VALUES (?, ?, ?, 0)", (boot, kernel, reserved)
        )
        self.load()

    def numbers(self, boot: str) -> tuple[int, int]:
        """Return the last number that a run may have given, and the last of which all is known."""
        found = self._db.execute("SELECT run, reserved, settled FROM runs WHERE boot = ?", (boot,)).fetchone()
        run, reserved, settled = map(int, found)
        newest = max(self._newest(table, run + 1 << RUN_BITS) for table in TABLES)
        return reserved, max(settled, newest & _SEQ if newest >> RUN_BITS == run else 0)

    def settle(self, boot: str, reserved: int, settled: int) -> None:
        """Write the same down, at the end of a transaction; where the last row says it already, that costs nothing."""
        if self.numbers(boot) != (reserved, settled):
            self._db.execute("UPDATE runs SET reserved = ?, settled = ? WHERE boot = ?", (reserved, settled, boot))

    def forget_runs(self, own: str) -> None:
        """Delete what belongs to runs of which nothing is left."""
        for boot, (run, _) in list(self.runs.items()):
            if boot != own and not any(
                self.between(table, run << RUN_BITS, run + 1 << RUN_BITS, 1) for table in TABLES
            ):
                self._db.execute("DELETE FROM runs WHERE run = ?", (run,))
        if not self.counts["telemetry"]:
            self._samples.forget_names()
        self.load()

    def id_of(self, key: Key) -> int:
        """Return the number of an item; 0: of a run that this file does not know."""
        boot, seq = key
        run, _ = self.runs.get(boot, (0, ""))
        return run << RUN_BITS | seq if run else 0

    def put(self, table: Table, items: Iterable[Item]) -> None:
        """Write items: samples after all that are there, others in place of those with the same key."""
        rows = [(self.id_of((item.boot, item.seq)), item) for item in items]
        if table == "telemetry":
            self.counts[table] += self._samples.put(rows)
            return
        before = self._db.total_changes
        self._db.executemany(_for(table, _INSERT), [(row, *content.to_row(item)) for row, item in rows])
        self.counts[table] += self._db.total_changes - before

    def delete(self, table: Table, ids: Iterable[int]) -> None:
        """Delete items, as far as they are there."""
        if table == "telemetry":
            self.edit_samples(dict.fromkeys(ids))
            return
        before = self._db.total_changes
        self._db.executemany(_for(table, "DELETE FROM TABLE WHERE id = ?"), [(row,) for row in ids])
        self.counts[table] -= self._db.total_changes - before

    def edit_samples(self, changes: Mapping[int, Item | None]) -> None:
        """Replace samples by others with the same key, or delete them, as far as they are there."""
        self.counts["telemetry"] -= self._samples.edit(changes)

    def after(self, table: Table, row: int, limit: int) -> list[tuple[int, Item]]:
        """Return ids and items that come after one, oldest first."""
        return self.between(table, row, _EVERYTHING, limit)

    def between(self, table: Table, after: int, before: int, limit: int) -> list[tuple[int, Item]]:
        """Return ids and items between two ids, oldest first."""
        with database.sense():
            if table == "telemetry":
                records = self._samples.between(after, before, limit)
                return [(each[0], packing.to_item(*self._key(each[0]), each, names)) for each, names in records]
            rows = self._db.execute(_for(table, _SELECT), (after, before, limit)).fetchall()
            return [(row[0], content.to_item(*self._key(row[0]), row[1:])) for row in rows]

    def oldest(self) -> Item | None:
        """Return the item that has waited longest."""
        first = (self.after(table, 0, 1) for table in ("event", "telemetry", "log") if self.counts[table])
        return min((rows[0] for rows in first if rows), key=lambda row: row[0], default=(0, None))[1]

    def log_bytes(self) -> int:
        """Return how much log lines take, roughly."""
        return self._number("SELECT COALESCE(SUM(LENGTH(content)), 0) FROM log")

    def used(self) -> int:
        """Return the bytes of the pages in use."""
        return self.allocated() - self._number("PRAGMA freelist_count") * database.PAGE

    def allocated(self) -> int:
        """Return the bytes of all pages; free ones are used again before there are more."""
        return self._number("PRAGMA page_count") * database.PAGE

    def vacuum(self) -> None:
        """Give the free pages back to the disk."""
        self._db.executescript("PRAGMA incremental_vacuum")  # `execute` would stop after the first page

    def _count(self, table: Table) -> int:
        return (
            self._samples.count() if table == "telemetry" else self._number(_for(table, "SELECT COUNT(*) FROM TABLE"))
        )

    def _newest(self, table: Table, before: int) -> int:
        if table == "telemetry":
            return self._samples.newest(before)
        return int(self._db.execute(_for(table, _NEWEST), (before,)).fetchone()[0])

    def _number(self, query: str) -> int:
        return int(self._db.execute(query).fetchone()[0])

    def _key(self, row: int) -> Key:
        return self._boots[row >> RUN_BITS], row & _SEQ


def _for(table: Table, statement: str) -> str:
    return statement.replace("TABLE", table)
