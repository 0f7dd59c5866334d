"""Steps down at once and returns slowly: a level after a calm time, which grows when a return was wrong."""

import math

_SOON = 900.0  # seconds after a return within which another back-off means that it came too early
_FORGETS = 7200.0  # seconds without a back-off after which the first patience is enough again
_LONGEST = 3600.0  # seconds of calm that are asked for at most


class Ladder:
    """Levels from 0, where all is well, to `lowest`.

    Args:
        lowest: number of the last level.
        patience: seconds of calm before a level is given back.
        longest: seconds to which they grow at most.
    """

    def __init__(self, lowest: int, patience: float, longest: float = _LONGEST) -> None:
        self.level = 0
        self.lowest = lowest
        self._first = self._patience = patience
        self._longest = longest
        self._stepped = self._returned = -math.inf
        self._calm: float | None = None
        self._sure = True

    def back_off(self, now: float, *, steps: int = 1, gap: float = 0.0, floor: int | None = None) -> bool:
        """Go down, but not within `gap` seconds of the last change, nor below `floor`; tells whether it did."""
        self._calm = None
        target = min(self.level + steps, self.lowest if floor is None else floor)
        if target <= self.level or now - self._stepped < gap:
            return False
        if now - self._returned < _SOON:
            self._patience = min(2 * self._patience, self._longest)
            self._returned = -math.inf  # the same return is not held against it twice
        elif now - self._stepped > _FORGETS:
            self._patience = self._first
        self.level, self._stepped = target, now
        return True

    def hold(self) -> None:
        """Note a look that calls for nothing: the calm begins anew."""
        self._calm = None

    def calm(self, now: float, *, sure: bool = False) -> bool:
        """Note a calm look; tells whether it has given a level back.

        When all looks of the calm are `sure`, the first patience is enough.
        """
        if self._calm is None:
            self._calm, self._sure = now, True
        self._sure = self._sure and sure
        patience = self._first if self._sure else self._patience
        if not self.level or now - self._calm < patience:
            return False
        self.level -= 1
        self._calm = self._stepped = self._returned = now
        self._sure = True
        return True
