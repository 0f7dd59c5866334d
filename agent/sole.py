"""One daemon at a time works in a state directory: two would report the same twice and take each other's files away."""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.errors import ConfigError

logger = logging.getLogger(__name__)

PATIENCE = 15.0  # seconds for one that is just ending: it keeps what is being answered
_LOOK_SECONDS = 0.05
_LOCKS = Path("/proc/locks")


@contextmanager
def sole(state_dir: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the directory for the block; the kernel frees it even when the process is killed.

    The directory itself is locked: that needs no file, and works where nothing can be written.

    Raises:
        ConfigError: another daemon still works there after `patience` seconds.
    """
    try:
        state_dir.mkdir(0o700, parents=True, exist_ok=True)
        descriptor = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # whoever writes there first says what is wrong with it
        yield
        return
    try:
        _acquire(descriptor, state_dir, patience)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, state_dir: Path, patience: float) -> None:
    end = time.monotonic() + patience
    told = False
    while not _locked(descriptor):
        holder = _holder(descriptor)
        if time.monotonic() >= end:
            raise ConfigError(
                f"Another daemon works in {state_dir}: {holder}.",
                hint="End it first, or give this one a directory of its own with --state-dir.",
            )
        if not told:
            logger.warning("Waiting for %s, which works in %s, to end", holder, state_dir)
        told = True
        time.sleep(_LOOK_SECONDS)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:  # network file systems lock only what can be written, or nothing
        logger.warning("The state directory cannot be locked: %s", error.strerror)
    return True


def _holder(descriptor: int) -> str:
    """Return which process has the lock, as far as the kernel says."""
    inode = os.fstat(descriptor).st_ino
    try:
        lines = [line.split() for line in _LOCKS.read_text().splitlines()]
    except OSError:
        lines = []
    found = [fields[-4] for fields in lines if "FLOCK" in fields and fields[-3].endswith(f":{inode}")]
    return f"process {found[0]}" if found else "another process"
