"""A board that gets warm: modelled, not recorded. Its temperature follows the threads that the governor leaves.

Heat flows from the die to the board to what is around it: a chain of stages, each of which approaches its share of the
rise with a time constant of its own (Foster's thermal network). The three constants are fitted to ten minutes of
`sysbench` on a Raspberry Pi 4 with a heat sink, published at https://github.com/TuxfeatMac/RPiHeatSinkTest, file
DEFAULT.csv; `traces/recorded-raspberry-pi-4.csv` has some of its points, which a test compares with the model.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

_FLOOR = 0.4  # of the clock: 600 of 1500 MHz
# Of a Raspberry Pi 5: 9.26, 13.23 and 11.59 GB/s are read by 1, 2 and 4 threads (https://github.com/ggml-org/llama.cpp/
# issues/26484), so half of the threads decode as fast as all. That they are even faster is not counted.
_DECODING = {0.25: 0.8, 0.5: 1.0, 0.75: 1.0, 1.0: 1.0}
_POWER = 2.0  # dynamic power is proportional to clock times voltage squared, and the voltage falls with the clock


@dataclass(frozen=True)
class Cooling:
    """How warm a board gets: degrees Celsius when idle, and rise and seconds of each stage at full load."""

    idle: float
    rises: tuple[float, ...]
    seconds: tuple[float, ...] = (1.5, 30.0, 300.0)


RECORDED = Cooling(49.3, (9.8, 5.9, 22.9))
"""The Raspberry Pi 4 at 2 GHz with a heat sink, as fitted: 88 degrees if nothing throttled."""

BARE = Cooling(50.0, (15.0, 10.0, 35.0))
"""A Raspberry Pi 5 without a cooler: idle at 50, 80 after a minute or two (published by reviewers), then throttled."""

COOLED = Cooling(45.0, (8.0, 4.0, 5.0))
"""A Raspberry Pi 5 with its active cooler: 45 idle, about 62 under load (published by the maker and reviewers)."""

CABINET = Cooling(66.0, (13.0, 9.0, 25.0))
"""A closed cabinet in the sun, where idling alone is warm."""


@dataclass
class Board:
    """One computer, advanced second by second.

    Attributes:
        cooling: how warm it gets.
        limit: degrees Celsius at which its firmware throttles.
        share: of its threads that compute, while there is work.
    """

    cooling: Cooling
    limit: float = 80.0
    share: float = 1.0
    clock: float = 1.0
    throttled: bool = False
    decoded: float = 0.0  # seconds of decoding at full speed that were done; the memory limits it, not the clock
    read: float = 0.0  # likewise of reading prompts, to which every thread and the clock matter
    above: int = 0  # seconds at or above the limit
    stages: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stages = self.stages or [0.0] * len(self.cooling.rises)

    @property
    def celsius(self) -> float:
        """What its sensor says."""
        return self.cooling.idle + sum(self.stages)

    def advance(self, *, busy: bool) -> None:
        """Let a second pass."""
        self.decoded += _DECODING[self.share] * busy
        self.read += self.share * self.clock * busy
        power = self.share * self.clock**_POWER if busy else 0.0
        for index, (rise, seconds) in enumerate(zip(self.cooling.rises, self.cooling.seconds, strict=True)):
            self.stages[index] += (rise * power - self.stages[index]) / max(seconds, 1.0)
        self.above += self.celsius >= self.limit
        self._throttle()

    def _throttle(self) -> None:
        """Lower or raise the clock as firmware does: between the limit and five degrees above it, and back below it."""
        excess = self.celsius - self.limit
        wanted = min(1.0, max(_FLOOR, 1.0 - 0.12 * excess))
        self.clock += max(-0.1, min(0.05, wanted - self.clock))
        self.throttled = self.clock < 0.99  # less is a rest of rounding


def hours(count: float) -> int:
    """Return the seconds of some hours."""
    return round(3600 * count)


def always(_: int) -> bool:
    """Somebody asks without a pause."""
    return True


def bursts(work: int, pause: int) -> Callable[[int], bool]:
    """Return when there is work: for so many seconds, with so many of a pause in between."""
    return lambda second: second % (work + pause) < work
