"""How much of its life the flash memory has behind it, and how long it will last at this rate.

Time is that in which the daemon runs, which no clock can falsify. What an SD card bears nobody says; only built-in
flash memory (eMMC) reports its own age, in tenths. For all others there is a yardstick of ours: a year in which
Edgewise writes no more than `YEARLY` times the size of the disk is a good one.
"""

import logging
from pathlib import Path

import msgspec

from agent.durable import write_atomically
from agent.kept import read_kept

logger = logging.getLogger(__name__)

YEARLY = 10
"""Times the size of the disk that Edgewise may write in a year: a yardstick of ours, no manufacturer's."""

LATE = 0.8
"""Share of its life from which on an eMMC should be replaced."""

_DAY, _YEAR = 86_400.0, 365 * 86_400.0
_LEAST = 7 * _DAY  # of observation, before anything is foretold
_MEMORY = 90 * _DAY  # after which what was counted weighs half
_TENTH = 0.1


class Kept(msgspec.Struct):
    """What `wear.json` has.

    Attributes:
        seconds: for which the daemon has counted what it wrote.
        bytes: that it wrote in them.
        worn: share of its life that the eMMC had behind it at the last look.
        steps: tenths by which that has grown.
        watched: seconds for which it was watched.
        told: share of which the owner was told.
    """

    seconds: float = 0.0
    bytes: float = 0.0
    worn: float | None = None
    steps: int = 0
    watched: float = 0.0
    told: float = 0.0


class Wear:
    """Counts over all runs of the daemon; written once a day, and when a tenth is over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.kept = _load(path)
        self._last: tuple[float, int] | None = None
        self._saved = self.kept.seconds

    def add(self, now: float, written: int | None, worn: float | None) -> bool:
        """Take one look; return whether an eMMC has become so old that the owner should know.

        Args:
            now: seconds since the daemon was started.
            written: bytes since then; None: unknown.
            worn: by the eMMC's own account, 0 to 1; None: there is none.
        """
        passed = now - self._last[0] if self._last else 0.0
        if written is not None:
            self._count(passed, written - (self._last[1] if self._last else 0))
            self._last = (now, written)
        grown = self._watch(passed, worn)
        late = worn is not None and worn >= LATE and worn > self.kept.told
        if late and worn is not None:
            self.kept.told = worn
        if grown or late or self.kept.seconds - self._saved >= _DAY:
            self.keep()
        return late

    def yearly(self) -> float | None:
        """Return the bytes that Edgewise writes in a year at this rate; None before a week was watched."""
        return self.kept.bytes / self.kept.seconds * _YEAR if self.kept.seconds >= _LEAST else None

    def budget_used(self, capacity: int) -> float | None:
        """Return which share of a year's budget that is, for a disk of so many bytes; None: not known yet."""
        yearly = self.yearly()
        return yearly / (YEARLY * capacity) if yearly is not None and capacity else None

    def years_left(self) -> float | None:
        """Return how many years of running the eMMC lasts at least, at the rate watched; None: not known.

        While it was watched it has lost less than one tenth more than it has shown.
        """
        if self.kept.worn is None or self.kept.watched < _LEAST:
            return None
        rate = _TENTH * (self.kept.steps + 1) / self.kept.watched
        return max(0.0, 1 - self.kept.worn) / rate / _YEAR

    def keep(self) -> None:
        """Write it down."""
        self._saved = self.kept.seconds
        try:
            write_atomically(self._path, msgspec.json.encode(self.kept))
        except OSError as error:  # it goes on in memory
            logger.warning("What was written cannot be noted in %s: %s", self._path, error)

    def _count(self, passed: float, written: int) -> None:
        kept = self.kept
        kept.seconds, kept.bytes = kept.seconds + passed, kept.bytes + max(0, written)
        if kept.seconds > 2 * _MEMORY:
            kept.seconds, kept.bytes = kept.seconds / 2, kept.bytes / 2
            self._saved /= 2

    def _watch(self, passed: float, worn: float | None) -> bool:
        """Follow the age of the eMMC; one that is younger than before is another one."""
        kept, before = self.kept, self.kept.worn
        if worn is None:
            return False
        if before is None or worn < before:
            kept.worn, kept.steps, kept.watched, kept.told = worn, 0, 0.0, 0.0
            return True
        kept.watched += passed
        kept.steps += round((worn - before) / _TENTH)
        kept.worn = worn
        return worn > before


def _load(path: Path) -> Kept:
    return read_kept(path, Kept, Kept, logger, "%s cannot be read and begins anew: %s")
