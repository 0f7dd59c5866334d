"""One process at a time works on a model's directory."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.errors import DownloadError
from agent.models.disk import disk_errors
from agent.phrase import Phrase


def lock_path(root: Path, name: str) -> Path:
    """Return the lock file of a model's directory; a name never begins with a dot."""
    return root / f".{name}.lock"


@contextmanager
def hold_lock(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file at `path`; the kernel frees it even when the process is killed.

    Raises:
        DownloadError: somebody else holds it (the sentence names `what` and that process), or it cannot be written.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # The file stays for good: deleting it could give two processes a lock on two files of the same name.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _acquire(descriptor, what)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, what: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
        raise DownloadError(
            Phrase(
                "errors.other_process", "Another process (pid {holder}) is working on {what}.", holder=holder, what=what
            ),
            hint=Phrase("errors.other_process_hint", "Wait until it is done, or stop it; what has arrived is kept."),
        ) from error
    with contextlib.suppress(OSError):  # on a full disk nobody learns who it is
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d" % os.getpid(), 0)
