"""app.db: whether it can be read and is whole. It is only read, also beside a daemon that uses it."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from agent.cli.doctor.case import Case
from agent.cli.doctor.finding import Finding, bad, ok, warn
from agent.units import format_bytes, format_duration
from agent.upkeep.backups import Backups
from agent.upkeep.recovery import last_recovery

_LONGEST = 10.0  # seconds that the check may take on a slow card
_STEPS = 10_000  # of SQLite's machine between two looks at the clock
_RESTORE = "restart the daemon: it puts the damaged file aside and takes its latest copy"
_INSTEAD = {
    "backup": "by a copy of its own, and what could be read of the damaged file",
    "salvaged": "by what could be read of the damaged file",
    "empty": "by an empty one; nothing could be read",
}


def look(case: Case) -> Iterator[Finding]:
    """Yield whether it is whole, and whether the device has an owner."""
    path = case.config.state_dir / "app.db"
    recovery = last_recovery(case.config.state_dir)
    if recovery is not None:
        what = f"app.db was damaged ({recovery.wrong}) and was replaced: {_INSTEAD[recovery.origin]}"
        yield warn("database-replaced", what, "the page of the device says what is missing")
    if not path.exists():
        yield ok("no database yet: this device has no owner, `edgewise run` says how to become it")
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)) as connection:
            yield _whole(connection, path)
            yield from _copy(path)
            yield from _owner(connection)
    except sqlite3.OperationalError as error:
        yield warn("database", f"app.db could not be looked at: {error}", "try again while the daemon runs")
    except sqlite3.DatabaseError as error:
        yield bad("database", f"app.db is damaged: {error}", _RESTORE)


def _whole(connection: sqlite3.Connection, path: Path) -> Finding:
    end = time.monotonic() + _LONGEST
    connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    size = format_bytes(path.stat().st_size)
    try:
        (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if time.monotonic() <= end:
            raise
        return ok(f"app.db has {size}; in {_LONGEST:.0f} s nothing wrong was found ({error})")
    finally:
        connection.set_progress_handler(None, 0)
    return ok(f"app.db is whole, {size}") if said == "ok" else bad("database", f"app.db is damaged: {said}", _RESTORE)


def _copy(path: Path) -> Iterator[Finding]:
    made = Backups(path).newest()
    if made is not None:
        yield ok(f"the latest copy of it is {format_duration(time.time() - made)} old")


def _owner(connection: sqlite3.Connection) -> Iterator[Finding]:
    (admins,) = connection.execute("SELECT count(*) FROM users WHERE role = 'admin'").fetchone()
    if not admins:
        yield ok("this device has no owner yet", "`edgewise claim-code` shows the code to become it")
