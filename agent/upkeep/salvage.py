"""What can still be read of a broken app.db, brought into a sound one.

Accounts are taken whole or not at all: of half a table of people or keys nobody knows who was removed. Chats are taken
row by row, as far as they can be read. A row that is there already stays, but for what changes with
each message of a conversation.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from agent.upkeep.checking import UNREADABLE

_ACCOUNTS = ("users", "device", "sessions", "api_keys")
_CHATS = ("presets", "conversations", "messages", "attachments")
_MOVES = ("title", "updated", "pinned", "deleted", "leaf", "draft")  # columns of a conversation
_JSON = ("settings", "stats")  # columns that pages decode
_LAST = 1 << 40  # no row has a higher number
_MOST_ACCOUNTS = 10_000  # rows of one table
_SECONDS = 60.0  # for all of it: the pages of a broken file may lead to each other for ever
_STEPS = 10_000  # instructions of SQLite's machine between two looks at the clock

Row = Sequence[Any]


def salvage(broken: Path, sound: Path) -> dict[str, int]:
    """Bring rows of a broken database into a sound one that has all tables; return how many were new, by table.

    Raises:
        sqlite3.Error: the sound one cannot be written.
    """
    with contextlib.ExitStack() as stack:
        target = stack.enter_context(contextlib.closing(sqlite3.connect(sound, isolation_level=None)))
        source = stack.enter_context(contextlib.closing(sqlite3.connect(f"file:{broken}?mode=ro", uri=True)))
        deadline = time.monotonic() + _SECONDS
        source.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        source.text_factory = lambda text: text.decode(errors="replace")
        target.execute("PRAGMA foreign_keys=ON")
        tables = {table: _columns(target, table) for table in (*_ACCOUNTS, *_CHATS)}
        before = {table: _count(target, table) for table in tables}
        _replace_accounts(target, _accounts(source, tables), tables)
        for table in _CHATS:
            _add(source, target, table, tables[table])
        after = {table: _count(target, table) for table in tables}
    return {table: after[table] - before[table] for table in tables if after[table] > before[table]}


def _accounts(source: sqlite3.Connection, tables: dict[str, list[str]]) -> dict[str, list[Row]]:
    """Return all rows of the tables of accounts; nothing when one cannot be read to its end, or nobody is in them."""
    try:
        rows = {
            table: source.execute(f"SELECT {', '.join(tables[table])} FROM {table}").fetchmany(_MOST_ACCOUNTS)  # noqa: S608 - our names
            for table in _ACCOUNTS
        }
    except UNREADABLE:
        return {}
    role = tables["users"].index("role")
    if any(len(found) == _MOST_ACCOUNTS for found in rows.values()):
        return {}
    return rows if any(row[role] == "admin" for row in rows["users"]) else {}


def _replace_accounts(target: sqlite3.Connection, accounts: dict[str, list[Row]], tables: dict[str, list[str]]) -> None:
    """Put accounts in place of those that are there; who was removed since the copy goes, with what was theirs."""
    if not accounts:
        return
    people = [row[0] for row in accounts["users"]]
    target.execute("BEGIN")
    try:
        target.execute(f"DELETE FROM users WHERE id NOT IN ({', '.join('?' * len(people))})", people)  # noqa: S608 - nothing but question marks
        for table in _ACCOUNTS[1:]:
            target.execute(f"DELETE FROM {table}")  # noqa: S608 - our names
        for table, rows in accounts.items():
            names = tables[table]
            update = f"ON CONFLICT ({names[0]}) DO UPDATE SET {_excluded(names[1:])}"
            target.executemany(f"{_insert(table, names)} {update}", rows)
    except sqlite3.IntegrityError:  # what could be read makes no sense
        target.execute("ROLLBACK")
    else:
        target.execute("COMMIT")


def _add(source: sqlite3.Connection, target: sqlite3.Connection, table: str, names: list[str]) -> None:
    """Add the rows that can be read."""
    update = f"(id) DO UPDATE SET {_excluded(_MOVES)}" if table == "conversations" else "DO NOTHING"
    insert = f"{_insert(table, names)} ON CONFLICT {update}"
    json = [names.index(name) for name in _JSON if name in names]
    target.execute("BEGIN")
    for row in _rows(source, table, names):
        readable = [_decodable(value) if at in json else value for at, value in enumerate(row)]
        with contextlib.suppress(sqlite3.IntegrityError):  # of a conversation that is lost, or of the wrong type
            target.execute(insert, readable)
    target.execute("COMMIT")


def _rows(source: sqlite3.Connection, table: str, names: list[str]) -> Iterator[Row]:
    """Yield what can be read, in the order of creation; behind damage it goes on a little later, ever less little."""
    query = f"SELECT rowid, {', '.join(names)} FROM {table} WHERE rowid > ? ORDER BY rowid"  # noqa: S608 - our names
    reached, step = 0, 1
    while reached < _LAST:
        try:
            for number, *row in source.execute(query, (reached,)):
                if number <= reached:  # pages in a circle
                    break
                reached, step = number, 1
                yield row
            else:
                return
        except UNREADABLE:
            pass
        reached, step = reached + step, 2 * step


def _decodable(value: object) -> object:
    try:
        msgspec.json.decode(str(value))
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return "{}"
    return value


def _insert(table: str, names: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608 - our names


def _excluded(names: Sequence[str]) -> str:
    return ", ".join(f"{name} = excluded.{name}" for name in names)


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]  # without computed ones


def _count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our names
