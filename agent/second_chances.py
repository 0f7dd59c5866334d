"""When models are tried again that have failed for a reason that may pass: a lack of memory, a card that was slow."""

import time
from collections.abc import Callable, Sequence

_IDLE = (30.0, 60.0, 300.0, 900.0)  # seconds between two tries where nothing serves
_SERVING = (3600.0, 4 * 3600.0, 86_400.0)  # where another model does, which would have to give way


class SecondChances:
    """Counts the tries, and waits longer each time, until there are no failures any more."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries = 0
        self._since: float | None = None

    def due(self, *, failed: bool, serves: bool) -> bool:
        """Tell, once for each try, whether it is time. It is asked every now and then.

        Args:
            failed: whether any model has.
            serves: whether another one does.
        """
        if not failed:
            self._tries = 0 if serves else self._tries  # while it is tried, there are no failures either
            self._since = None
            return False
        if self._since is None:
            self._since = self._clock()
        if self._clock() - self._since < self._patience(_SERVING if serves else _IDLE):
            return False
        self._tries += 1
        self._since = None
        return True

    def _patience(self, delays: Sequence[float]) -> float:
        return delays[min(self._tries, len(delays) - 1)]
