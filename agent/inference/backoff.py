"""How long to wait before an engine that has died is started again: not at all at first, then longer each time."""

import time
from collections.abc import Callable

_DELAYS = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)  # seconds before the n-th restart in a row
_CALM = 60.0  # seconds of service after which a death counts as the first again


class Backoff:
    """Counts deaths in a row."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deaths = 0

    def delay(self, since: float) -> float:
        """Count a death; returns the seconds to wait. `since` is when the service began that has ended."""
        self._deaths = 1 if self._clock() - since > _CALM else self._deaths + 1
        return _DELAYS[min(self._deaths - 1, len(_DELAYS) - 1)]
