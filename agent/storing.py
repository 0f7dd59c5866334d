"""What went wrong with app.db, in words: the disk is full, it can only be read, or something else."""

import errno
import os
import shutil
import sqlite3
from pathlib import Path

from agent.errors import StoreError, UnwritableError
from agent.phrase import Phrase
from agent.upkeep.checking import words

_FULL = 64 << 10  # bytes; with fewer free, a disk is as good as full
_SYSTEM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
_UNWRITABLE = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
}


def is_full(error: Exception, path: Path) -> bool:
    """Tell whether an error means that there is no room for `path`."""
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    code = _primary(error)
    return code == sqlite3.SQLITE_FULL or (code in _UNWRITABLE and _free(path) < _FULL)


def is_unwritable(error: BaseException) -> bool:
    """Tell whether an error, or what has caused it, means that nothing can be written now."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, UnwritableError) or (isinstance(cause, OSError) and cause.errno in _SYSTEM):
            return True
        if isinstance(cause, sqlite3.Error) and _primary(cause) in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY}:
            return True
        cause = cause.__cause__
    return False


def failure(error: Exception, path: Path) -> StoreError:
    """Return the error for people of one that SQLite or the system has raised about `path`."""
    if is_full(error, path):
        return full(path)
    if _is_read_only(error, path):
        return read_only(path)
    return StoreError(
        Phrase("errors.store_failed", "{place} could not be used: {error}.", place=path.name, error=words(error)),
        hint=Phrase(
            "errors.store_failed_hint", "Is there room on the disk, and is {folder} writable?", folder=path.parent
        ),
    )


def full(path: Path) -> UnwritableError:
    """Return the error of a disk without room."""
    return UnwritableError(
        Phrase("errors.store_full", "The disk of this device is full: nothing more can be kept."),
        hint=Phrase(
            "errors.store_full_hint",
            "Delete models or chats, or free space in {folder}; all goes on by itself then.",
            folder=path.parent,
        ),
    )


def read_only(path: Path) -> UnwritableError:
    """Return the error of a disk that nobody may write to."""
    return UnwritableError(
        Phrase("errors.store_read_only", "The disk of this device can only be read: nothing can be kept."),
        hint=Phrase(
            "errors.store_read_only_hint",
            "Linux does that to a disk that fails: back up {folder}, look at `dmesg`, and replace the disk.",
            folder=path.parent,
        ),
    )


def _is_read_only(error: Exception, path: Path) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.EROFS
    return _primary(error) in _UNWRITABLE and refuses(path.parent)


def refuses(folder: Path) -> bool:
    """Tell whether nobody may write to a disk: a failed one does not say so until somebody tries."""
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o600))
    except OSError as error:
        return error.errno == errno.EROFS
    return False


def _primary(error: Exception) -> int:
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _free(path: Path) -> int:
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:  # the folder is gone
        return _FULL
