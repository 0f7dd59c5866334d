"""How long to wait: for the broker, and before the next try."""

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Times in seconds.

    Attributes:
        keepalive: of silence after which each side asks the other for a sign of life.
        patience: for an answer to the first messages of a connection.
        first, longest: bounds of the wait after a lost connection; it doubles from try to try.
        refused_first, refused_longest: the same after a refusal, which trying again does not change.
        settled: a connection that lived as long was a good one, and the next wait is a short one again. A shorter
            one was not: two devices with the same id throw each other out for ever.
        farewell: for the last message.
    """

    keepalive: int = 60
    patience: float = 30.0
    first: float = 1.0
    longest: float = 120.0
    refused_first: float = 300.0
    refused_longest: float = 1800.0
    settled: float = 60.0
    farewell: float = 2.0


class Backoff:
    """The waits between tries.

    Those after a lost connection are drawn evenly from all of the time that doubles ("full jitter"), so that a fleet
    does not come back in step when its broker does.
    """

    def __init__(self, pace: Pace, draw: Callable[[float, float], float] = random.uniform) -> None:
        self._pace = pace
        self._draw = draw
        self._losses = self._refusals = 0

    def after(self, *, refused: bool, lived: float) -> float:
        """Return how many seconds to wait.

        Args:
            refused: the broker wants to have nothing to do with us.
            lived: seconds for which there was a connection; 0: there was none.
        """
        if lived >= self._pace.settled:
            self._losses = 0
        self._refusals = self._refusals + 1 if refused else 0
        if refused:
            longest = _doubled(self._pace.refused_first, self._refusals, self._pace.refused_longest)
            return self._draw(longest * 0.8, longest)
        self._losses += 1
        return self._draw(0.0, _doubled(self._pace.first, self._losses, self._pace.longest))


def _doubled(first: float, times: int, longest: float) -> float:
    """Return what doubles from the second time on, and stops at `longest`."""
    return float(min(longest, first * 2 ** min(times - 1, 30)))
