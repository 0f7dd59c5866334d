"""Writes that survive a power cut: a file has its old content or its new, never a part of it."""

import contextlib
import os
from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the file at `path` by `data`: afterwards it has the old content or the new, never a part.

    Raises:
        OSError: it cannot be written; nothing is left behind that would take room.
    """
    temporary = path.with_name(path.name + ".new")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        rename_durably(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def rename_durably(source: Path, destination: Path) -> None:
    """Rename a file within its directory, and make the directory remember it."""
    source.replace(destination)
    directory = os.open(destination.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
