"""The books on one device: which items came, which will never come, and which are missing.

Items carry `boot`, a run of the daemon, and `seq`, which counts within it from 1 across events, telemetry and logs. The
device itself reports what it has lost, as events named `gap`. So each number has come, or was reported lost, or is
still on its way; if nothing waits at the device either, it is missing, and something between here and there is broken.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from agent.fleet.ranges import Ranges

_MOST = 16  # runs of a daemon that are remembered
_THINNED, _RESTART = "thinned", "restart"


class Hole(NamedTuple):
    """Numbers of a run that have neither come nor were reported lost."""

    boot: str
    first: int
    last: int


@dataclass
class _Run:
    """One run of the daemon.

    Attributes:
        received: numbers that came.
        lost: numbers that were reported lost.
        merged: numbers that became part of others that stand for a longer time.
        doubtful: numbers at the end of a run that ended without a word: lost, or never given to anything.
    """

    received: Ranges = field(default_factory=Ranges)
    lost: Ranges = field(default_factory=Ranges)
    merged: Ranges = field(default_factory=Ranges)
    doubtful: Ranges = field(default_factory=Ranges)


class Ledger:
    """Books on one device."""

    def __init__(self, *, complete: bool = False) -> None:
        """Open them.

        Args:
            complete: whoever keeps them has heard the device from its first start: numbers before the first one that
                comes are missing too. Otherwise nobody knows what became of them.
        """
        self._complete = complete
        self._runs: dict[str, _Run] = {}

    def receive(self, boot: str, seq: int) -> bool:
        """Note that an item came; return False if it was here before, and should be dropped."""
        received = self._run(boot).received
        if seq in received:
            return False
        received.add(seq, seq)
        return True

    def lose(self, boot: str, first: int, last: int, reason: str) -> None:
        """Note what a device says it has lost, from `first` to `last`."""
        run = self._run(boot)
        {_THINNED: run.merged, _RESTART: run.doubtful}.get(reason, run.lost).add(first, last)

    def received(self) -> int:
        """Return how many items came."""
        return sum(len(run.received) for run in self._runs.values())

    def lost(self) -> int:
        """Return how many items were reported lost; what came after all is not."""
        return sum(len(run.lost.without(run.received, run.merged)) for run in self._runs.values())

    def doubtful(self) -> int:
        """Return how many items were lost at most when runs ended without a word."""
        return sum(len(run.doubtful.without(run.received)) for run in self._runs.values())

    def missing(self) -> int:
        """Return how many items are neither here nor reported lost; they may be on their way."""
        return sum(hole.last - hole.first + 1 for hole in self.holes())

    def holes(self) -> Iterator[Hole]:
        """Yield what is missing."""
        for boot, run in self._runs.items():
            lowest, highest = run.received.bounds()
            whole = Ranges()
            if highest:
                whole.add(1 if self._complete else lowest, highest)
            for first, last in whole.without(run.received, run.lost, run.merged, run.doubtful):
                yield Hole(boot, first, last)

    def _run(self, boot: str) -> _Run:
        run = self._runs.pop(boot, None) or _Run()
        self._runs[boot] = run  # the last one is the one heard of last
        while len(self._runs) > _MOST:
            del self._runs[next(iter(self._runs))]
        return run
