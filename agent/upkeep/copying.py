"""Copies of a database in use, in small steps: who writes meanwhile is not held up, and the copy is of one moment."""

import contextlib
import os
import sqlite3
import time
from pathlib import Path

_PAGES = 64  # in one step; of 4 KiB
_REST = 0.002  # seconds between two steps, which leave a slow card to others


def copy_database(source: Path, target: Path, *, rest: float = _REST) -> None:
    """Write what a database holds at this moment into a new file, one that needs no write-ahead log, and sync it.

    One read transaction is held the whole time, so that what others write meanwhile neither waits nor begins the copy
    anew.

    Raises:
        sqlite3.Error: the source cannot be read, or the target not be written.
        OSError: likewise.
    """
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with contextlib.closing(_reader(source)) as origin, contextlib.closing(_writer(target)) as copy:
        origin.execute("BEGIN")
        origin.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the transaction begins with the first look
        origin.backup(copy, pages=_PAGES, progress=lambda *_: time.sleep(rest))
        copy.execute("PRAGMA journal_mode=DELETE")
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _reader(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)


def _writer(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")  # the whole file is synced at the end, and counts only then
    return connection
