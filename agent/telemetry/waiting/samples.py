"""The samples in outbox.db: as many in a row as fit a page, and rows grow until they are full."""

import itertools
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

import msgspec

from agent.telemetry.payloads import Item
from agent.telemetry.waiting.columns import Record
from agent.telemetry.waiting.database import sense
from agent.telemetry.waiting.kinds import RUN_BITS
from agent.telemetry.waiting.packing import blocks, fitted, to_record, unpack

_FROM = """SELECT id, last, size, shape, content FROM telemetry
WHERE id >= (SELECT COALESCE(MAX(id), 0) FROM telemetry WHERE id <= ?) AND id < ? ORDER BY id"""
_LAST = "SELECT id, last, size, shape, content FROM telemetry ORDER BY id DESC LIMIT 1"

Shaped: TypeAlias = tuple[int, Record]
"""A record, and which names its values have."""


class Block(NamedTuple):
    """A row: samples of one run and one shape, from `id`, or what was `id` once, to `last`."""

    id: int
    last: int
    size: int
    shape: int
    content: bytes

    def kind(self) -> tuple[int, int]:
        """Return what its samples have in common: the run of the daemon, and the shape."""
        return self.id >> RUN_BITS, self.shape


class Samples:
    """The tables of samples. All of it happens within transactions of somebody else."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._shapes: dict[str, int] = {}
        self._names: dict[int, list[str]] = {}
        self.load()

    def load(self) -> None:
        """Read the names again, after a transaction has failed."""
        shapes = self._db.execute("SELECT shape, names FROM shapes").fetchall()
        self._shapes = {names: shape for shape, names in shapes}
        self._names = {shape: msgspec.json.decode(names, type=tuple[list[str], bool])[0] for shape, names in shapes}

    def count(self) -> int:
        """Return how many there are."""
        return int(self._db.execute("SELECT COALESCE(SUM(size), 0) FROM telemetry").fetchone()[0])

    def newest(self, before: int) -> int:
        """Return the id of the last sample before one; 0: there is none."""
        found = self._db.execute("SELECT last FROM telemetry WHERE id < ? ORDER BY id DESC LIMIT 1", (before,))
        return int((found.fetchone() or (0,))[0])

    def between(self, after: int, before: int, limit: int) -> list[tuple[Record, list[str]]]:
        """Return records between two ids, oldest first, with the names of their values."""
        found = ((record, self._names[shape]) for shape, record in self._read(after + 1, before))
        fitting = ((record, names) for record, names in found if after < record[0] < before)
        return list(itertools.islice(fitting, limit))

    def put(self, rows: Iterable[tuple[int, Item]]) -> int:
        """Add what comes after all that is there; return how many that were."""
        shaped = [self._shaped(row, item) for row, item in rows]
        for _, group in itertools.groupby(shaped, key=_kind):
            self._append(list(group))
        return len(shaped)

    def edit(self, changes: Mapping[int, Item | None]) -> int:
        """Replace samples, or delete them, as far as they are there; return how many fewer there are."""
        if not changes:
            return 0
        first, last = min(changes), max(changes)
        found = self._blocks(first, last + 1)
        with sense():
            kept = list(self._changed(found, changes))
        self._db.executemany("DELETE FROM telemetry WHERE id = ?", [(block.id,) for block in found])
        for _, group in itertools.groupby(kept, key=_kind):
            self._insert(list(group))
        return sum(block.size for block in found) - len(kept)

    def forget_names(self) -> None:
        """Delete the names; there are no samples any more."""
        self._db.execute("DELETE FROM shapes")

    def _append(self, rows: list[Shaped]) -> None:
        """Write what belongs together, into the last row if that has room: a new one touches four pages, not one."""
        found = self._db.execute(_LAST).fetchone()
        if found and _kind(rows[0]) == Block(*found).kind():
            last = Block(*found)
            with sense():
                before = list(unpack(last.content))
            records = [*before, *(record for _, record in rows)]
            if content := fitted(records):
                values = (records[-1][0], len(records), content, last.id)
                self._db.execute("UPDATE telemetry SET last = ?, size = ?, content = ? WHERE id = ?", values)
                return
        self._insert(rows)

    def _insert(self, rows: list[Shaped]) -> None:
        shape = rows[0][0]
        packed = blocks([record for _, record in rows])
        values = [(part[0][0], part[-1][0], len(part), shape, content) for part, content in packed]
        self._db.executemany("INSERT INTO telemetry VALUES (?, ?, ?, ?, ?)", values)

    def _changed(self, found: Iterable[Block], changes: Mapping[int, Item | None]) -> Iterator[Shaped]:
        for block in found:
            for record in unpack(block.content):
                row = record[0]
                if row not in changes:
                    yield block.shape, record
                elif item := changes[row]:
                    yield self._shaped(row, item)

    def _read(self, first: int, before: int) -> Iterator[Shaped]:
        for row in self._db.execute(_FROM, (first, before)):
            block = Block(*row)
            if block.last >= first:
                yield from ((block.shape, record) for record in unpack(block.content))

    def _blocks(self, first: int, before: int) -> list[Block]:
        found = (Block(*row) for row in self._db.execute(_FROM, (first, before)))
        return [block for block in found if block.last >= first]

    def _shaped(self, row: int, item: Item) -> Shaped:
        names = msgspec.json.encode([list(item.values), item.span > 0]).decode()  # merged ones have more values
        if names not in self._shapes:
            shape = self._db.execute("INSERT INTO shapes (names) VALUES (?)", (names,)).lastrowid or 0
            self._shapes[names], self._names[shape] = shape, list(item.values)
        return self._shapes[names], to_record(row, item)


def _kind(row: Shaped) -> tuple[int, int]:
    return row[1][0] >> RUN_BITS, row[0]
