"""How much of its power the engine may use, kept on the daemon's side: a new process is told again."""

import math
import time

from agent.inference.frames import Govern, Governed, Timings


class Pacing:
    """What the engine was told, and what it made of it.

    Attributes:
        told: what the engine is to do.
        threads: with how many threads it computes; 0: as its plan says.
    """

    def __init__(self) -> None:
        self.told = Govern()
        self.threads = 0
        self._freed = -math.inf

    def tell(self, frame: Govern) -> bool:
        """Note what the engine is to do from now on; tells whether that is something else than before."""
        if frame == self.told:
            return False
        if self.told.share < 1:
            self._freed, self.threads = time.monotonic(), 0
        self.told = frame
        return True

    def heard(self, frame: Governed) -> None:
        """Note what the engine does."""
        self.threads = frame.threads if self.told.share < 1 else 0

    def slowed(self, timings: Timings) -> bool:
        """Tell whether an answer that has just ended was slowed down at some time; its speed teaches nothing then."""
        began = time.monotonic() - timings.prefill - timings.decode
        return self.told.share < 1 or began < self._freed
