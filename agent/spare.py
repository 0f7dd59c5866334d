"""Room on the disk that is kept for when it is full: to start, to sign in, to delete something."""

import contextlib
import logging
import os
from pathlib import Path

logger = logging.getLogger(__name__)


class Spare:
    """A file of no use but to be deleted.

    Args:
        path: of the file.
        size: of it, in bytes.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self.there = False

    def keep(self) -> None:
        """Have it, if there is room for it."""
        try:
            with self._path.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
            self.there = True
        except OSError as error:
            logger.debug("No spare room is kept in %s: %s", self._path, error)
            self.give()

    def give(self) -> bool:
        """Delete it; tells whether that has made room."""
        self.there = False
        with contextlib.suppress(OSError):
            self._path.unlink()
            return True
        return False
