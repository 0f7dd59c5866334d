"""The file in which the lives of the daemon are counted: small, written rarely, and never a reason to fail."""

import logging
import os
from pathlib import Path

import msgspec
from msgspec.structs import replace

from agent.durable import write_atomically
from agent.kept import read_kept
from agent.safe_mode.lives import Lives

logger = logging.getLogger(__name__)

_BLOCK = 4096  # bytes; a file of this size can be written over on a disk that has no room for another


def read(path: Path) -> Lives:
    """Return what was written; a new beginning where nothing was, or nothing that can be understood."""
    return read_kept(path, Lives, Lives, logger, "The record of crashes %s cannot be read and starts anew: %s")


def write(path: Path, lives: Lives) -> bool:
    """Write it down; tells whether that was possible. On a full disk it takes the place of what is there."""
    data = _block(lives)
    try:
        write_atomically(path, data)
    except OSError as error:
        return _over(path, data, error)
    return True


def _block(lives: Lives) -> bytes:
    """Return it as JSON that fills a block, without the oldest crashes should it be too long."""
    while len(data := msgspec.json.encode(lives)) > _BLOCK:
        lives = replace(lives, crashes=lives.crashes[1:])
    return data.ljust(_BLOCK)


def _over(path: Path, data: bytes, trouble: OSError) -> bool:
    try:
        path.with_name(path.name + ".new").unlink(missing_ok=True)
        with path.open("r+b") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        logger.warning("Crashes are not counted: %s cannot be written: %s", path, trouble)
        return False
    return True
