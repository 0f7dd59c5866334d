"""Temperatures over time: which sensors can be believed, and where they are going."""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import fmean, median

_WINDOW = 20.0  # seconds over which the slope is taken
_LEAST_SPAN = 8.0  # seconds of history without which there is none
_JUMP = 3.0  # degrees between two looks: work begins or ends, which says nothing about where it goes from there
_STUCK = 300.0  # seconds in which a real sensor moves when it is warm; those on dies have noise of half a degree
_COOL = 8.0  # degrees below its limit at which one that counts in whole degrees may well stand still
_STEEPEST = 0.3  # degrees per second that are believed to go on: what lasts is the board getting warm, not the die
_HORIZON = 30.0  # seconds that are looked ahead
_FADES = 30.0  # seconds in which a slope falls to a third, as that of the board around a die does (tests/governor)
_RISE = _FADES * (1 - math.exp(-_HORIZON / _FADES))  # degrees until then for each degree per second
_COLDEST, _HOTTEST = -40.0, 150.0  # degrees Celsius; sensors say -274, 0x7fffffff or NaN for "no"


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at a sensor: its name, degrees Celsius, and those at which something throttles."""

    name: str
    celsius: float
    limit: float


@dataclass(frozen=True, slots=True)
class Heat:
    """The sensor that is nearest to its limit. Degrees Celsius; `slope` in degrees per second."""

    sensor: str
    celsius: float
    limit: float
    slope: float

    @property
    def expected(self) -> float:
        """Where it will be in half a minute, if it goes on like this."""
        return self.celsius + min(max(self.slope, 0.0), _STEEPEST) * _RISE

    def below(self, degrees: float) -> bool:
        """Tell whether it is at least so far below its limit."""
        return self.celsius <= self.limit - degrees


@dataclass(slots=True)
class _Track:
    """What one sensor has said. A single value that stands out counts for nothing: the median of three is taken."""

    latest: deque[float] = field(default_factory=lambda: deque(maxlen=3))
    kept: deque[tuple[float, float]] = field(default_factory=deque)
    moved: float = -math.inf

    def add(self, now: float, celsius: float) -> None:
        if self.latest and celsius != self.latest[-1]:
            self.moved = now
        self.latest.append(celsius)
        smooth = median(self.latest)
        if self.kept and abs(smooth - self.kept[-1][1]) > _JUMP:
            self.kept.clear()
        self.kept.append((now, smooth))
        while self.kept[0][0] < now - _WINDOW:
            self.kept.popleft()

    def believed(self, now: float, limit: float) -> bool:
        moves = now - self.moved < _STUCK or self.kept[-1][1] <= limit - _COOL
        return len(self.latest) == self.latest.maxlen and moves

    def slope(self) -> float:
        """Return the slope of the line through the points (least squares)."""
        if self.kept[-1][0] - self.kept[0][0] < _LEAST_SPAN:
            return 0.0
        middle, mean = fmean(at for at, _ in self.kept), fmean(value for _, value in self.kept)
        spread = sum((at - middle) ** 2 for at, _ in self.kept)
        return sum((at - middle) * (value - mean) for at, value in self.kept) / spread


class Sensors:
    """All sensors of the device."""

    def __init__(self) -> None:
        self._tracks: dict[str, _Track] = {}

    def look(self, now: float, seen: Iterable[Seen]) -> Heat | None:
        """Take in one look; returns the sensor nearest to its limit, None when there is none to be believed."""
        plausible = [sensor for sensor in seen if _COLDEST < sensor.celsius < _HOTTEST]  # NaN is neither
        for name in self._tracks.keys() - {sensor.name for sensor in plausible}:
            self._tracks[name].latest.clear()
        found = [heat for sensor in plausible if (heat := self._follow(now, sensor))]
        return max(found, key=lambda heat: heat.expected - heat.limit, default=None)

    def _follow(self, now: float, sensor: Seen) -> Heat | None:
        track = self._tracks.setdefault(sensor.name, _Track())
        track.add(now, sensor.celsius)
        if not track.believed(now, sensor.limit):
            return None
        return Heat(sensor.name, track.kept[-1][1], sensor.limit, track.slope())
