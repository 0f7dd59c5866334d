"""What the engine process has to say: several tokens in one frame where they come faster than anybody reads.

Each frame wakes the daemon, which wakes the client, and both take the cores from the compute threads, which wait for
each other: on a small device a frame for each token costs a tenth of the speed (numbers in docs/benchmarks.md).
"""

import time
from collections.abc import Callable, Iterable

from agent.inference.frames import Delta, Event, Events

_INTERVAL = 1 / 60  # seconds; a screen shows no more, and steps that take longer are reported one by one


class Outgoing:
    """Collects events; only text may wait, for a moment, and only while the engine computes.

    Args:
        send: takes a frame.
        clock: tells seconds.
    """

    def __init__(self, send: Callable[[Events], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._send = send
        self._clock = clock
        self._events: list[Event] = []
        self._urgent = False
        self._sent = 0.0

    def add(self, events: Iterable[Event]) -> None:
        """Take what is to be said."""
        for event in events:
            self._events.append(event)
            self._urgent = self._urgent or not isinstance(event, Delta)

    def flush_due(self) -> None:
        """Send what there is, unless it is text and some was sent a moment ago."""
        if self._urgent or self._clock() - self._sent >= _INTERVAL:
            self.flush()

    def flush(self) -> None:
        """Send what there is."""
        if self._events:
            self._send(Events(self._events))
            self._events, self._urgent = [], False
            self._sent = self._clock()
