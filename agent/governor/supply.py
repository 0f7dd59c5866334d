"""Backs off for the supply of power: voltage that gives way, a battery that ends, a limit that the owner has set."""

from collections.abc import Collection
from dataclasses import dataclass

from agent.governor.ladder import Ladder
from agent.inference.shares import LOWEST

_PATIENCE = 120.0  # seconds without trouble for one level
_GAP = 10.0  # seconds until a step shows
_WEAK_FLOOR = 2  # a supply that is too weak for half of the threads is too weak for the board: no use to go lower
_SLACK = 0.8  # of the owner's limit, below which a level may be given back
_LOW, _EMPTY = 0.2, 0.1  # shares of a battery
_MORE = 0.05  # above them before it counts as better again


@dataclass(frozen=True, slots=True)
class Battery:
    """A battery: share of its charge that is left, 0 to 1, and whether it feeds the computer now."""

    left: float
    discharging: bool


class SupplyPolicy:
    """Says how far to back off.

    Attributes:
        weak: whether the voltage has given way and that still counts.
    """

    def __init__(self) -> None:
        self.weak = False
        self._ladder = Ladder(LOWEST, _PATIENCE)
        self._battery = 0

    @property
    def level(self) -> int:
        """How far to back off: 0 is full speed."""
        return max(self._ladder.level, self._battery)

    @property
    def on_battery(self) -> bool:
        """Whether it is the battery that decides."""
        return self._battery > self._ladder.level

    def look(
        self, now: float, flags: Collection[str], battery: Battery | None, watts: float | None, limit: float
    ) -> bool:
        """Take in one look; tells whether the level has changed.

        Args:
            now: seconds on a clock that only goes forward.
            flags: what holds the processor back, as `agent.hardware.thermal` says.
            battery: that feeds the computer, if there is one.
            watts: that are drawn; None: unknown.
            limit: watts that the owner allows; 0: any.
        """
        before = self.level
        self._battery = self._wanted(battery)
        if "under-voltage" in flags:
            self.weak = self._ladder.back_off(now, gap=_GAP, floor=_WEAK_FLOOR) or self.weak
        elif limit and watts is not None and watts > limit:
            self._ladder.back_off(now, gap=_GAP)
        elif limit and watts is not None and watts > _SLACK * limit:
            self._ladder.hold()
        elif self._ladder.calm(now) and not self._ladder.level:
            self.weak = False
        return self.level != before

    def _wanted(self, battery: Battery | None) -> int:
        """Return the level for a battery: half of the threads when it is low, the fewest when it is nearly empty."""
        if battery is None or not battery.discharging:
            return 0
        low = _LOW + _MORE * (self._battery >= 1)
        empty = _EMPTY + _MORE * (self._battery >= LOWEST)
        return LOWEST if battery.left <= empty else 2 if battery.left <= low else 0
