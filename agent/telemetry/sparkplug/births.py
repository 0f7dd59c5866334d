"""The number that ties the birth of a session to its death."""

import logging
from pathlib import Path

from agent.durable import write_atomically

logger = logging.getLogger(__name__)

_NUMBERS = 256


class Births:
    """Numbers the sessions that the broker has begun from 0 to 255 and round again, across restarts of the daemon.

    Attributes:
        number: of the session that is open, or is to be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._latest = _read(path)
        self.number = (self._latest + 1) % _NUMBERS

    def plan(self) -> None:
        """Number the next session. One that never came to be leaves no gap."""
        self.number = (self._latest + 1) % _NUMBERS

    def begin(self) -> None:
        """Keep the number, on disk too if that can be written: the broker has begun the session."""
        self._latest = self.number
        try:
            write_atomically(self._path, str(self.number).encode())
        except OSError as error:
            logger.warning("%s cannot be written: %s", self._path, error.strerror)


def _read(path: Path) -> int:
    """Return the number of the latest session, -1 if there is none."""
    try:
        number = int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return -1
    return number if 0 <= number < _NUMBERS else -1
