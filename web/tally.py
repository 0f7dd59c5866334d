"""What strangers do to us is counted, and logged at most once a minute: the log must not be their weapon."""

import logging
import math
import time

logger = logging.getLogger(__name__)

_SILENCE = 60.0  # seconds


class Tally:
    """Counts one kind of event.

    Attributes:
        count: how many there were since the start.
    """

    def __init__(self, what: str) -> None:
        self.count = 0
        self._what = what
        self._logged = -math.inf

    def add(self, peer: str) -> None:
        """Count an event, with the address that it is due to."""
        self.count += 1
        now = time.monotonic()
        if now - self._logged >= _SILENCE:
            self._logged = now
            logger.warning("%s: %d since the start, the last from %s", self._what, self.count, peer)
