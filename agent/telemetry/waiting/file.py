"""What is done with outbox.db: rows in and out, transactions, and how large it is."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from agent.telemetry.payloads import Item, Rank
from agent.telemetry.waiting import content, database
from agent.telemetry.waiting.kinds import Key

Table: TypeAlias = Rank | Literal["gap"]
TABLES: tuple[Table, ...] = ("gap", "event", "telemetry", "log")
RUN_BITS = 32  # of an id belong to the number within the run

_INSERT = "INSERT OR REPLACE INTO TABLE VALUES (?, ?, ?, ?, ?, ?, ?)"
_SELECT = "SELECT * FROM TABLE WHERE id > ? AND id < ? ORDER BY id LIMIT ?"
_EVERYTHING = 1 << 62


class OutboxFile:
    """An open outbox.db.

    Attributes:
        counts: rows by table.
        runs: number and run of the kernel by run of the daemon.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self.path = path
        self._database = database.connect(path, limit)
        self._db = self._database.conn
        self.counts = {table: self._number(_for(table, "SELECT COUNT(*) FROM TABLE")) for table in TABLES}
        self.runs: dict[str, tuple[int, str]] = {}
        self._boots: dict[int, str] = {}
        self._shapes: dict[str, int] = {}
        self._names: dict[int, list[str]] = {0: []}
        self.load()

    def load(self) -> None:
        """Read the small tables again, after a transaction has failed."""
        runs = self._db.execute("SELECT run, boot, kernel FROM runs").fetchall()
        self.runs = {boot: (run, kernel) for run, boot, kernel in runs}
        self._boots = {run: boot for run, boot, _ in runs}
        shapes = self._db.execute("SELECT shape, names FROM shapes").fetchall()
        self._shapes = {names: shape for shape, names in shapes}
        self._names = {0: [], **{shape: msgspec.json.decode(names, type=list[str]) for shape, names in shapes}}

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
        found: tuple[int, int] = self._db.execute(
            "SELECT reserved, settled FROM runs WHERE boot = ?", (boot,)
        ).fetchone()
        return found

    def settle(self, boot: str, reserved: int, settled: int) -> None:
        """Write the same down."""
        self._db.execute("UPDATE runs SET reserved = ?, settled = ? WHERE boot = ?", (reserved, settled, boot))

    def forget_runs(self, own: str) -> None:
        """Delete what belongs to runs of which nothing is left."""
        for boot, (run, _) in list(self.runs.items()):
            if boot != own and not any(
                self.between(table, run << RUN_BITS, run + 1 << RUN_BITS, 1) for table in TABLES
            ):
                self._db.execute("DELETE FROM runs WHERE run = ?", (run,))
        if not self.counts["telemetry"]:
            self._db.execute("DELETE FROM shapes")
        self.load()

    def id_of(self, key: Key) -> int:
        """Return the number of a row; 0: of a run that this file does not know."""
        boot, seq = key
        run, _ = self.runs.get(boot, (0, ""))
        return run << RUN_BITS | seq if run else 0

    def put(self, table: Table, items: Iterable[Item]) -> None:
        """Write items, in place of those with the same key."""
        rows = [(self.id_of((item.boot, item.seq)), *content.to_row(item, self._shape(item))) for item in items]
        before = self._db.total_changes
        self._db.executemany(_for(table, _INSERT), rows)
        self.counts[table] += self._db.total_changes - before

    def replace(self, table: Table, item: Item) -> None:
        """Write an item in place of the one with the same key."""
        self.put(table, [item])
        self.counts[table] -= 1

    def delete(self, table: Table, ids: Iterable[int]) -> None:
        """Delete rows, as far as they are there."""
        before = self._db.total_changes
        self._db.executemany(_for(table, "DELETE FROM TABLE WHERE id = ?"), [(row,) for row in ids])
        self.counts[table] -= self._db.total_changes - before

    def after(self, table: Table, row: int, limit: int) -> list[tuple[int, Item]]:
        """Return ids and items that come after a row, oldest first."""
        return self.between(table, row, _EVERYTHING, limit)

    def between(self, table: Table, after: int, before: int, limit: int) -> list[tuple[int, Item]]:
        """Return ids and items between two rows, oldest first."""
        rows = self._db.execute(_for(table, _SELECT), (after, before, limit)).fetchall()
        return [(row[0], self._item(row)) for row in rows]

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

    def _number(self, query: str) -> int:
        return int(self._db.execute(query).fetchone()[0])

    def _shape(self, item: Item) -> int:
        if not content.is_sample(item):
            return 0
        names = msgspec.json.encode(list(item.values)).decode()
        if names not in self._shapes:
            shape = self._db.execute("INSERT INTO shapes (names) VALUES (?)", (names,)).lastrowid or 0
            self._shapes[names], self._names[shape] = shape, list(item.values)
        return self._shapes[names]

    def _item(self, row: tuple[int, int, int, int, int, int, bytes]) -> Item:
        run, seq = row[0] >> RUN_BITS, row[0] & (1 << RUN_BITS) - 1
        return content.to_item(self._boots[run], seq, row[1:], self._names[row[5]])


def _for(table: Table, statement: str) -> str:
    return statement.replace("TABLE", table)
