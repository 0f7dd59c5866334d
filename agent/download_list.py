"""Which downloads people have asked for, across restarts: what they were promised is not forgotten with the power."""

import logging
from collections.abc import Iterable
from pathlib import Path

import msgspec

from agent.durable import write_atomically
from agent.kept import read_kept

logger = logging.getLogger(__name__)

_FILE = ".downloads.json"


class Asked(msgspec.Struct, frozen=True):
    """A download that was asked for, under which name if any, and whether somebody has to resume it."""

    reference: str
    name: str = ""
    title: str = ""
    paused: bool = False


def read(root: Path) -> list[Asked]:
    """Return what was asked for, in that order; nothing if the list cannot be read."""
    return read_kept(root / _FILE, list[Asked], list, logger, "The list of downloads %s cannot be read: %s")


def write(root: Path, asked: Iterable[Asked]) -> None:
    """Replace the list; a disk that cannot be written costs only what a later run would know."""
    wanted = list(asked)
    if wanted == read(root):
        return
    try:
        root.mkdir(parents=True, exist_ok=True)
        write_atomically(root / _FILE, msgspec.json.encode(wanted))
    except OSError as error:
        logger.warning("The list of downloads %s cannot be written: %s", root / _FILE, error)
