"""Which models do not run because the engine has died with them too often. Pure: the clock is given.

A model that loads and then dies again and again is kept from running, so that the next one does: what kills it may be
a prompt, a spot of bad memory, a driver. After a calm hour the last one gets another try; if it dies in that, once, it
waits twice as long.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

_SOONER = 60  # times as soon something is tried again where nothing runs at all: after a minute, then two, up to eight


@dataclass(frozen=True, slots=True)
class Bounds:
    """When a model has died too often: so many times within a window; and the seconds until it is tried again."""

    deaths: int = 3
    window: float = 600.0
    patience: float = 3600.0
    longest: float = 8 * 3600.0


class Deaths:
    """Counts them.

    Attributes:
        barred: models that do not run, in the order in which that was decided.
    """

    def __init__(self, bounds: Bounds | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.barred: list[str] = []
        self.bounds = bounds or Bounds()
        self._clock = clock
        self._times: dict[str, deque[float]] = {}
        self._patience: dict[str, float] = {}
        self._trial = ""
        self._since = 0.0  # the last decision

    def died(self, model: str) -> bool:
        """Count a death while this model served; tells whether it was one too many."""
        now = self._clock()
        times = self._times.setdefault(model, deque())
        times.append(now)
        while times[0] < now - self.bounds.window:
            times.popleft()
        most = 1 if model == self._trial else self.bounds.deaths
        if len(times) < most or model in self.barred:
            return False
        known = self._patience.get(model)
        self._patience[model] = min(2 * known, self.bounds.longest) if known else self.bounds.patience
        self.barred.append(model)
        self._times.pop(model)
        self._trial, self._since = "", now
        return True

    def patience(self, *, nothing_runs: bool) -> float:
        """Return the seconds of calm after which the last of the barred models is tried again."""
        full = self._patience[self.barred[-1]]
        return full / _SOONER if nothing_runs else full

    def another_try(self, *, nothing_runs: bool) -> str:
        """Return the model that may run again from now on; empty when it is not the time."""
        now = self._clock()
        if self._trial and now - self._since > self.bounds.window:
            self._patience.pop(self._trial, None)  # it is well again
            self._trial = ""
        if not self.barred or self._trial or now - self._since < self.patience(nothing_runs=nothing_runs):
            return ""
        self._trial, self._since = self.barred.pop(), now
        return self._trial

    def forget(self) -> None:
        """Let every model run again."""
        self.barred.clear()
        self._times.clear()
        self._patience.clear()
        self._trial = ""
