"""outbox.db: opened and checked, set aside when it is broken, and made anew."""

import contextlib
import logging
import os
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
from sqlite_utils import Database

from agent.telemetry.waiting.kinds import MIB, Loss
from agent.upkeep.checking import UNREADABLE, damage

logger = logging.getLogger(__name__)

PAGE = 1024  # bytes; each minute writes a page with what is new, so the fewer bytes, the better
_VERSION = 2
_BUSY_MILLISECONDS = 5000
_CHECK_SECONDS = 5.0  # for the check at the start; a large file on a slow card is checked in part
_KEPT = 2  # broken files that are kept to be looked at

_ROWS = """(
    id INTEGER PRIMARY KEY,  -- run << 32 | seq
    ts INTEGER NOT NULL,
    quality INTEGER NOT NULL,
    mono INTEGER NOT NULL,
    content BLOB NOT NULL
) STRICT"""
_TABLES = (
    """CREATE TABLE runs (
    run INTEGER PRIMARY KEY,
    boot TEXT NOT NULL UNIQUE,
    kernel TEXT NOT NULL,
    reserved INTEGER NOT NULL,  -- last number that may have been given to an item
    settled INTEGER NOT NULL    -- up to here, or to the last row, each is in this file, was delivered, or is in a gap
) STRICT""",
    "CREATE TABLE shapes (shape INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE) STRICT",  # and whether merged
    """CREATE TABLE telemetry (
    id INTEGER PRIMARY KEY,  -- of the first sample, or of one before it: run << 32 | seq
    last INTEGER NOT NULL,   -- id of the last sample
    size INTEGER NOT NULL,   -- samples
    shape INTEGER NOT NULL,
    content BLOB NOT NULL
) STRICT""",
    *(f"CREATE TABLE {table} {_ROWS}" for table in ("gap", "event", "log")),
    f"PRAGMA user_version={_VERSION}",
)


def journal_bytes(limit: int) -> int:
    """Return how long the write-ahead log may get where the whole outbox may have `limit` bytes."""
    return min(MIB, limit // 8)


def connect(path: Path, limit: int) -> Database:
    """Open the file, or make it, and check it.

    Raises:
        sqlite3.Error: it cannot be used, or is broken.
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    database = Database(path)
    try:
        _prepare(database, journal_bytes(limit))
    except BaseException:
        database.close()
        raise
    return database


def broken(why: str) -> sqlite3.DatabaseError:
    """Return the error of a file that is not what it should be."""
    error = sqlite3.DatabaseError(why)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


@contextlib.contextmanager
def sense() -> Iterator[None]:
    """Turn what nonsense in a row raises into the error of a broken file: flash memory changes single bits, too."""
    try:
        yield
    except (zlib.error, msgspec.MsgspecError, ValueError, LookupError, TypeError, ArithmeticError) as error:
        raise broken(f"a row makes no sense: {error}") from error


def known_runs(path: Path) -> list[Loss]:
    """Return which numbers a broken file may have had, as far as it can still be read."""
    with contextlib.suppress(*UNREADABLE), contextlib.closing(sqlite3.connect(path)) as connection:
        connection.text_factory = lambda text: text.decode(errors="replace")
        found = connection.execute("SELECT boot, reserved FROM runs ORDER BY run DESC LIMIT 32").fetchall()
        return [Loss(str(boot), 1, int(last), "corrupt") for boot, last in found if last]
    return []


def set_aside(path: Path, ts: int) -> Path:
    """Rename a broken file and its write-ahead log, and forget the oldest of those that were set aside.

    Raises:
        OSError: it cannot be renamed.
    """
    aside = path.with_suffix(f".corrupt-{ts}")
    path.replace(aside)
    Path(f"{path}-shm").unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        Path(f"{path}-wal").replace(f"{aside}-wal")
    for old in sorted(path.parent.glob(f"{path.stem}.corrupt-*[0-9]"))[:-_KEPT]:
        old.unlink()
        Path(f"{old}-wal").unlink(missing_ok=True)
    logger.warning("%s is broken; it is now %s, and a new one begins", path, aside.name)
    return aside


def _prepare(database: Database, journal: int) -> None:
    for pragma in (
        f"busy_timeout={_BUSY_MILLISECONDS}",
        f"page_size={PAGE}",
        "auto_vacuum=INCREMENTAL",  # without effect once the file is in WAL mode
        "locking_mode=EXCLUSIVE",  # the index of the log is then in memory, not in a file that is written as well
        "journal_mode=WAL",
        "secure_delete=OFF",  # on in Debian's build: then what is deleted is written once more
        "temp_store=MEMORY",
        f"wal_autocheckpoint={journal // PAGE}",
        f"journal_size_limit={journal}",
    ):
        database.execute(f"PRAGMA {pragma}").fetchall()
    _check(database)
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, _VERSION):
        raise broken(f"it is of version {version}")
    if version == 0:
        with database.conn:
            database.execute("BEGIN IMMEDIATE")
            for statement in _TABLES:
                database.execute(statement)


def _check(database: Database) -> None:
    """Let SQLite look for damage, for a limited time.

    Raises:
        sqlite3.DatabaseError: there is some.
    """
    if found := damage(database.conn, _CHECK_SECONDS):
        raise broken(found)
