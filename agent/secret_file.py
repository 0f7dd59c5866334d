"""Files with a secret: only the daemon's user and root can read them, and a power cut leaves the old one or the new."""

import contextlib
import os
from pathlib import Path

from agent.durable import rename_durably
from agent.errors import StoreError

_OURS = 0o600


def write_secret(path: Path, secret: str) -> None:
    """Keep a secret in place of the one that was there.

    Raises:
        StoreError: the file cannot be written.
    """
    temporary = path.with_name(f"{path.name}.new")
    try:
        temporary.unlink(missing_ok=True)  # it may have been left behind, and with other permissions
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OURS), "w", encoding="utf-8") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        rename_durably(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise _failed(path, error) from error


def remove_secret(path: Path) -> None:
    """Forget a secret; it is in order if there is none.

    Raises:
        StoreError: the file cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _failed(path, error) from error


def _failed(path: Path, error: OSError) -> StoreError:
    return StoreError(f"{path} cannot be written: {error.strerror}.", hint=f"Is {path.parent} writable?")
