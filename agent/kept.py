"""Small files of JSON that the device keeps for itself: one that cannot be understood is no reason not to go on."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")


def read_kept(path: Path, kind: type[T], new: Callable[[], T], logger: logging.Logger, warning: str) -> T:
    """Return what was written down; a new beginning where nothing was, or nothing that can be read.

    Args:
        path: of the file.
        kind: what it holds.
        new: makes the new beginning.
        logger: is told when the file is there and cannot be read.
        warning: in these words, with `%s` for the path and for what is wrong.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return new()
    except (OSError, msgspec.MsgspecError) as error:
        logger.warning(warning, path, error)
        return new()
