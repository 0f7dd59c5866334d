"""What keeps app.db small and fast; each function runs in the writing thread and holds it for a moment only."""

from sqlite_utils import Database

_STEP = 64  # pages that are given back to the disk at a time
_SAMPLE = 400  # rows of an index that ANALYZE reads at most, as sqlite.org advises
_REWRITE_BYTES = 64 << 20
"""Unused bytes from which on, and only where they are half of the file, an old file is written anew."""


def checkpoint(database: Database) -> None:
    """Bring what is in the write-ahead log into the database, and cut the log to nothing, unless somebody reads."""
    (patience,) = database.execute("PRAGMA busy_timeout").fetchone()
    database.execute("PRAGMA busy_timeout=0")
    try:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        database.execute(f"PRAGMA busy_timeout={patience}")


def give_back(database: Database, pages: int = _STEP) -> bool:
    """Give some unused pages back to the disk; return whether there are more that can be given back."""
    if _number(database, "auto_vacuum") == 0 or not _number(database, "freelist_count"):
        return False
    database.conn.executescript(f"PRAGMA incremental_vacuum({pages})")  # `execute` would stop after the first page
    return _number(database, "freelist_count") > 0


def optimize(database: Database) -> None:
    """Let SQLite learn how its tables are filled, where that has changed much."""
    database.execute(f"PRAGMA analysis_limit={_SAMPLE}").fetchall()
    database.execute("PRAGMA optimize").fetchall()


def rebuild_search(database: Database) -> None:
    """Make the index for searching anew from the messages."""
    with database.conn:
        database.execute("INSERT INTO messages_search (messages_search) VALUES ('rebuild')")


def unused(database: Database) -> int:
    """Return the bytes of the file in which nothing is."""
    return _number(database, "freelist_count") * _number(database, "page_size")


def worth_rewriting(database: Database) -> bool:
    """Tell whether a file of an older version, which cannot shrink in steps, is mostly empty."""
    half = 2 * _number(database, "freelist_count") > _number(database, "page_count")
    return _number(database, "auto_vacuum") == 0 and half and unused(database) >= _REWRITE_BYTES


def rewrite(database: Database) -> None:
    """Write the file anew, without what is unused and such that it can shrink; blocks for seconds."""
    database.execute("PRAGMA journal_mode=DELETE")  # in WAL mode the kind of file stays as it is
    database.execute("PRAGMA auto_vacuum=INCREMENTAL")
    database.execute("VACUUM")


def _number(database: Database, pragma: str) -> int:
    return int(database.execute(f"PRAGMA {pragma}").fetchone()[0])
