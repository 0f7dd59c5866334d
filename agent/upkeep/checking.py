"""Whether a database file is sound: SQLite's own quick check, for a limited time."""

import contextlib
import errno
import math
import sqlite3
import time
from pathlib import Path

_HEADER = b"SQLite format 3\0"
_STEPS = 10_000  # instructions of SQLite's machine between two looks at the clock
UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a broken file raises; the second when SQLite's own words quote the damage."""

_NO_TEXT = "Could not decode to UTF-8"  # Python's own error, which has no code
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_LOST = {  # the disk has lost a part of the file; other errors of this kind mean that it is full, or cannot be written
    sqlite3.SQLITE_IOERR_READ,
    sqlite3.SQLITE_IOERR_SHORT_READ,
    sqlite3.SQLITE_IOERR_CORRUPTFS,
    sqlite3.SQLITE_IOERR_DATA,
}


def trouble(path: Path, seconds: float = math.inf) -> str:
    """Return what is wrong with a database that nobody has open; empty when nothing was found in that time.

    A write-ahead log beside the file is read with it, and nothing is written into either of them.

    Raises:
        OSError: the file cannot be read, for another reason than that the disk has lost a part of it.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(_HEADER)) != _HEADER:
                return "file is not a database"
        log = path.with_name(f"{path.name}-wal")
        alone = "&immutable=1" if not log.exists() else ""  # else SQLite makes files beside it, if the disk has room
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro{alone}", uri=True)) as connection:
            return damage(connection, seconds)
    except OSError as error:
        if error.errno == errno.EIO:
            return str(error)
        raise
    except sqlite3.DatabaseError as error:
        if is_corrupt(error) or error.sqlite_errorcode in _LOST:
            return str(error)
        raise OSError(f"{path.name}: {error}") from error


def is_corrupt(error: Exception) -> bool:
    """Tell whether an error says that the file itself is broken, rather than the disk full or away."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF in _CORRUPT if code else str(error).startswith(_NO_TEXT)


def words(error: Exception) -> str:
    """Return what an error says; Python has no text for SQLite's `out of memory`."""
    return str(error) or "out of memory"


def damage(connection: sqlite3.Connection, seconds: float) -> str:
    """Return the first damage that SQLite finds in an open database within some seconds; empty: none.

    Raises:
        sqlite3.Error: it cannot even be looked at.
    """
    connection.text_factory = lambda content: content.decode(errors="replace")
    deadline = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    try:
        found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return ""
    except UnicodeDecodeError:
        return "malformed database schema"
    finally:
        connection.set_progress_handler(None, 0)
        connection.text_factory = str
    return "" if found == "ok" else found.splitlines()[-1]
