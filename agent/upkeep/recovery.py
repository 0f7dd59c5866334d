"""At the start: an app.db that is broken is put aside, and the newest sound copy takes its place.

What can still be read of the broken file is brought over. Without a copy a new file begins, with what could be read;
where nobody is in it, the device is as on its first day: it waits for the code that only its own screen and log show.
Nothing of the broken file is deleted: it stays beside, named with the date.
"""

import contextlib
import logging
import math
import os
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Literal

import msgspec
from sqlite_utils import Database

from agent.durable import rename_durably, write_atomically
from agent.errors import StoreError
from agent.phrase import Phrase
from agent.schema import migrations
from agent.storing import is_unwritable
from agent.upkeep.backups import Backups
from agent.upkeep.checking import UNREADABLE, trouble, words
from agent.upkeep.salvage import salvage
from agent.upkeep.tending import rebuild_search, rewrite, worth_rewriting

logger = logging.getLogger(__name__)

_CHECK_SECONDS = 2.0  # for the look at each start; a large file on a slow card is looked at in part
_KEPT = 2  # broken files that are kept
_NOTE, _MARK = "recovery.json", "app.db.damaged"


class Recovery(msgspec.Struct, frozen=True):
    """What was done with a broken app.db.

    Attributes:
        at: seconds since 1970.
        wrong: what SQLite said of it.
        aside: name of the broken file; empty: there was none any more.
        origin: what stands in its place: a `backup`, what could be `salvaged`, or an `empty` file.
        of: when that backup was made, in seconds since 1970; 0: there is none.
        rows: what could be brought over from the broken file, by table.
    """

    at: float
    wrong: str
    aside: str
    origin: Literal["backup", "salvaged", "empty"]
    of: float = 0.0
    rows: dict[str, int] = {}


def recover(state_dir: Path) -> Recovery | None:
    """Make sure that app.db can be used; return what had to be done. Before it is opened.

    Raises:
        StoreError: it is broken, and the disk is too full or cannot be written.
    """
    database, mark = state_dir / "app.db", state_dir / _MARK
    try:
        marked = mark.exists()
        wrong = _wrong(database, thorough=marked)
        if not wrong:
            if marked:
                mark.unlink()
            return None
        logger.error("%s is broken: %s", database, wrong)
        mark_damaged(state_dir, wrong)  # should the power go now, the next start looks at all of it
        recovery = _replace(database, wrong)
        mark.unlink(missing_ok=True)
        write_atomically(state_dir / _NOTE, msgspec.json.encode(recovery))
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            Phrase(
                "errors.not_recovered",
                "{place} is broken and could not be replaced: {why}.",
                place=database,
                why=error,
            ),
            hint=Phrase(
                "errors.store_failed_hint",
                "Is there room on the disk, and is {folder} writable?",
                folder=state_dir,
            ),
        ) from error
    logger.warning("app.db was replaced (%s); the broken one is %s", recovery.origin, recovery.aside or "gone")
    return recovery


def mark_damaged(state_dir: Path, why: str) -> None:
    """Have the next start look at all of app.db."""
    with contextlib.suppress(OSError):
        (state_dir / _MARK).write_text(why, encoding="utf-8")


def last_recovery(state_dir: Path) -> Recovery | None:
    """Return what was done the last time, until the owner has read it."""
    try:
        return msgspec.json.decode((state_dir / _NOTE).read_bytes(), type=Recovery)
    except (OSError, msgspec.MsgspecError):
        return None


def acknowledge(state_dir: Path) -> None:
    """Forget it: the owner knows."""
    (state_dir / _NOTE).unlink(missing_ok=True)


def slim(database: Path) -> None:
    """Write app.db anew if it was made by an older version, cannot shrink in steps, and is mostly empty."""
    if not database.exists():
        return
    try:
        file = Database(database)
        try:
            if worth_rewriting(file) and shutil.disk_usage(database.parent).free > 2 * database.stat().st_size:
                rewrite(file)
                logger.info("app.db was written anew without what was empty")
        finally:
            file.close()
    except (OSError, sqlite3.Error) as error:  # it works as it is
        logger.warning("app.db could not be made smaller: %s", error)


def _wrong(database: Path, *, thorough: bool) -> str:
    """Return why the file cannot be used; empty: it can, or it is the first start."""
    if not database.exists() or not database.stat().st_size:
        return "the file is gone" if Backups(database).all() else ""
    try:
        found = trouble(database, math.inf if thorough else _CHECK_SECONDS)
    except OSError as error:  # whoever opens it says why, and may know better
        logger.warning("%s could not be looked at: %s", database, error)
        return ""
    return found or (_search_trouble(database) if thorough else "")


def _search_trouble(database: Path) -> str:
    """Make the index for searching anew, whose damage the check does not see; return why that cannot be done."""
    file = Database(database)
    try:
        rebuild_search(file)
    except (*UNREADABLE, MemoryError) as error:  # the last of an index whose damage says how much to take
        return "" if is_unwritable(error) else words(error)
    finally:
        file.close()
    return ""


def _replace(database: Path, wrong: str) -> Recovery:
    coming, now = database.with_name("app.db.new"), time.time()
    backup, rows = _prepare(coming, database)
    aside = _put_aside(database, now)
    rename_durably(coming, database)
    origin: Literal["backup", "salvaged", "empty"] = "backup" if backup else "salvaged" if rows else "empty"
    return Recovery(now, wrong, aside, origin, backup.stat().st_mtime if backup else 0.0, rows)


def _prepare(coming: Path, broken: Path) -> tuple[Path | None, dict[str, int]]:
    """Make the new file; return the copy that it is made of, if any, and what was brought over."""
    for backup in Backups(broken).all():
        try:
            if not (wrong := trouble(backup)):
                return backup, _fill(coming, broken, backup)
        except (OSError, *UNREADABLE) as error:
            wrong = str(error)
        logger.error("The copy %s cannot be used: %s", backup, wrong)
    return None, _fill(coming, broken)


def _fill(coming: Path, broken: Path, backup: Path | None = None) -> dict[str, int]:
    """Make a file out of a copy or of nothing, bring it up to date, and into it what can be read of the broken one."""
    coming.unlink(missing_ok=True)
    coming.touch(0o600)
    if backup is not None:
        shutil.copyfile(backup, coming)
    with contextlib.closing(Database(coming)) as database:
        database.execute("PRAGMA auto_vacuum=INCREMENTAL")
        migrations.apply(database)
        rebuild_search(database)
    rows: dict[str, int] = {}
    if broken.exists():
        with contextlib.suppress(*UNREADABLE):
            rows = salvage(broken, coming)
    with coming.open("rb+") as file:
        os.fsync(file.fileno())
    return rows


def _put_aside(database: Path, now: float) -> str:
    """Give the broken file another name, beside the one that it keeps until the new file takes it; return that.

    Its write-ahead log goes first: SQLite would bring it into the new file.
    """
    aside = database.with_name(f"app.broken-{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}.db")
    Path(f"{database}-shm").unlink(missing_ok=True)
    if not database.exists():
        Path(f"{database}-wal").unlink(missing_ok=True)
        return ""
    aside.unlink(missing_ok=True)
    try:
        os.link(database, aside)
    except OSError:  # a file system without hard links
        database.rename(aside)
    with contextlib.suppress(FileNotFoundError):
        Path(f"{database}-wal").replace(f"{aside}-wal")
    _forget_old(database.parent)
    return aside.name


def _forget_old(folder: Path) -> None:
    for old in sorted(folder.glob("app.broken-*.db"))[:-_KEPT]:
        old.unlink()
        for rest in ("-wal", "-shm"):
            Path(f"{old}{rest}").unlink(missing_ok=True)
