"""Measured values over time in little memory: so many slots of equal length, each with the mean or the maximum."""

import math
from array import array
from collections.abc import Mapping, Sequence
from typing import Literal

Combine = Literal["mean", "max"]
UNKNOWN = math.nan


class History:
    """The last `length` slots of `step` seconds for some named values.

    Four bytes per slot and value; a slot in which nothing was known is a gap.
    """

    def __init__(self, step: float, length: int, values: Mapping[str, Combine]) -> None:
        self.step = step
        self.length = length
        self._combine = dict(values)
        self._slots = {name: array("f", [UNKNOWN]) * length for name in values}
        self._counts = dict.fromkeys(values, 0)  # of what is in the latest slot so far
        self._latest: int | None = None

    def add(self, now: float, values: Mapping[str, float | None]) -> None:
        """Put values into the slot of a moment, in seconds of a clock that never goes back."""
        self._advance(int(now // self.step))
        for name, value in values.items():
            if value is not None:
                self._put(name, value)

    def series(self, name: str) -> Sequence[float]:
        """Return the values of all slots, the oldest first; NaN where nothing was known."""
        slots = self._slots[name]
        start = ((self._latest or 0) + 1) % self.length
        return slots[start:] + slots[:start]

    def _advance(self, slot: int) -> None:
        """Empty the slots between the latest and this one."""
        passed = self.length if self._latest is None else min(slot - self._latest, self.length)
        for back in range(passed):
            for slots in self._slots.values():
                slots[(slot - back) % self.length] = UNKNOWN
        if passed:
            self._counts = dict.fromkeys(self._counts, 0)
        self._latest = slot

    def _put(self, name: str, value: float) -> None:
        assert self._latest is not None  # noqa: S101 - `add` has advanced to it
        slots, place, count = self._slots[name], self._latest % self.length, self._counts[name]
        if not count:
            slots[place] = value
        elif self._combine[name] == "max":
            slots[place] = max(slots[place], value)
        else:
            slots[place] += (value - slots[place]) / (count + 1)
        self._counts[name] = count + 1
