"""Times for reports, on computers that do not know what time it is until the network tells them.

A board without a battery starts in 1970, or when it was last switched off. What never lies is how long the computer has
been running. So each stamp has both, and once the time is known, one number, the anchor, turns the second into the
first: also for stamps that were made before, and after a restart, since anchors are kept by run of the kernel.
"""

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from agent.durable import write_atomically
from agent.known_time import WRITTEN
from agent.telemetry.kernel_time import KernelTime
from agent.telemetry.payloads import Quality

logger = logging.getLogger(__name__)

_SHIFT = 1.0  # seconds that an anchor moves before it is written anew
_HOUR = 3600.0
_ANCHORS = 16  # runs of the kernel whose anchors are kept


@dataclass(frozen=True)
class Stamp:
    """A moment.

    Attributes:
        ts: milliseconds since 1970, UTC.
        mono: seconds since the computer was started.
    """

    ts: int
    quality: Quality
    mono: float


class Anchor(msgspec.Struct, frozen=True):
    """When the computer was started, in seconds since 1970, and who says so."""

    started: float
    quality: Quality


class _Kept(msgspec.Struct):
    """What the file has.

    Attributes:
        latest: seconds since 1970, the last time that was known.
    """

    latest: float = WRITTEN
    anchors: dict[str, Anchor] = msgspec.field(default_factory=dict)


class Source(Protocol):
    """Where times come from; `KernelTime`, but in tests."""

    boot: str

    def mono(self) -> float:
        """Return the seconds since the computer was started."""

    def wall(self) -> float:
        """Return the seconds since 1970 as the computer believes."""

    def synchronised(self) -> bool:
        """Return whether the network has told the time."""


class Clock:
    """Stamps moments. `keep` writes to disk what a later run must know; nothing else does.

    Attributes:
        boot: id of this run of the kernel.
    """

    def __init__(self, path: Path | None = None, source: Source | None = None) -> None:
        self._path = path
        self._source = source or KernelTime()
        self.boot = self._source.boot
        self._kept = _load(path)
        self._changed = False
        self._floor = self._kept.latest - self._source.mono()
        known = self._kept.anchors.get(self.boot)
        self._earliest = known.started if known else math.inf  # of this run's anchors; ages are counted from it

    def now(self) -> Stamp:
        """Return this moment. Estimates never lie before the last time that was known."""
        mono, wall = self._source.mono(), self._source.wall()
        if wall >= WRITTEN and self._source.synchronised():
            self._anchor(Anchor(wall - mono, "ntp"))
        anchor = self._kept.anchors.get(self.boot)
        if anchor is None:
            return Stamp(round(max(wall, self._floor + mono) * 1000), "est", mono)
        self._remember(anchor.started + mono)
        return _stamp(anchor, mono)

    def anchor(self, ts_ms: int, quality: Quality) -> None:
        """Believe the hub about what time it is, unless the network has said so, or it cannot be."""
        known = self._kept.anchors.get(self.boot)
        better = known is not None and known.quality == "ntp" and quality != "ntp"
        if quality != "est" and ts_ms / 1000 >= WRITTEN and not better:
            self._anchor(Anchor(ts_ms / 1000 - self._source.mono(), quality))

    def correct(self, mono: float, kernel_boot: str) -> Stamp | None:
        """Return what an estimate of that run of the kernel should have been; None: still unknown."""
        anchor = self._kept.anchors.get(kernel_boot)
        return None if anchor is None else _stamp(anchor, mono)

    def cutoff(self, kernel_boot: str, age: float) -> float:
        """Return the `mono` before which all of that run of the kernel is surely older than `age` seconds.

        Within this run no clock is needed. Of earlier ones all is at least as old as this run; what is older is known
        only where both have an anchor, and then the one that makes things younger counts: a clock that is set far into
        the future by mistake makes nothing old.
        """
        mono = self._source.mono()
        if kernel_boot == self.boot:
            return mono - age
        if mono >= age:
            return math.inf
        anchor = self._kept.anchors.get(kernel_boot)
        return (
            -math.inf if anchor is None or math.isinf(self._earliest) else self._earliest + mono - age - anchor.started
        )

    def keep(self) -> None:
        """Write what has changed. Blocks; a disk that cannot be written costs only what a later run would know."""
        if not self._changed or self._path is None:
            return
        self._changed = False
        try:
            write_atomically(self._path, msgspec.json.encode(self._kept))
        except OSError as error:
            logger.warning("%s cannot be written: %s", self._path, error)

    def _anchor(self, anchor: Anchor) -> None:
        known = self._kept.anchors.get(self.boot)
        shifted = known is None or known.quality != anchor.quality or abs(known.started - anchor.started) > _SHIFT
        others = {boot: known for boot, known in self._kept.anchors.items() if boot != self.boot}
        latest = dict(list(others.items())[1 - _ANCHORS :])
        self._kept.anchors = {**latest, self.boot: anchor}
        self._earliest = min(self._earliest, anchor.started)
        self._changed = self._changed or shifted

    def _remember(self, now: float) -> None:
        if now - self._kept.latest > _HOUR:
            self._kept.latest = now
            self._changed = True


def _stamp(anchor: Anchor, mono: float) -> Stamp:
    return Stamp(round((anchor.started + mono) * 1000), anchor.quality, mono)


def _load(path: Path | None) -> _Kept:
    try:
        return _Kept() if path is None else msgspec.json.decode(path.read_bytes(), type=_Kept)
    except FileNotFoundError:
        return _Kept()
    except (OSError, msgspec.DecodeError) as error:
        logger.warning("%s cannot be read: %s", path, error)
        return _Kept()
