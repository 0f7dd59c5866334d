"""How far a transfer is, and how fast it goes."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from agent.units import format_bytes, format_duration

State: TypeAlias = Literal[
    "checking",  # asking the source, or re-hashing what an earlier run has left
    "downloading",
    "waiting",  # until the next attempt
    "paused",
    "extracting",
    "copying",
    "verifying",
    "done",
]

_WINDOW = 5.0  # seconds over which the rate is averaged
_INTERVAL = 0.1  # seconds between two reports of the same state


@dataclass(frozen=True)
class Progress:
    """One look at a transfer.

    Attributes:
        state: what is being done.
        done: bytes finished in this state.
        total: bytes to finish in this state, or None when nobody knows.
        rate: bytes per second over the last seconds; 0.0 before there are two looks to compare.
        eta: seconds left at that rate, or None when it cannot be told.
    """

    state: State
    done: int = 0
    total: int | None = None
    rate: float = 0.0
    eta: float | None = None


def describe(progress: Progress) -> str:
    """Return progress as one line: `downloading, 43 %, 2.1 MiB/s, 25 s left`."""
    parts: list[str] = [progress.state]
    if progress.total:
        parts.append(f"{progress.done / progress.total:.0%}".replace("%", " %"))
    if progress.rate:
        parts.append(f"{format_bytes(progress.rate)}/s")
    if progress.eta is not None:
        parts.append(f"{format_duration(progress.eta)} left")
    return ", ".join(parts)


def ignore(_: Progress) -> None:
    """Take a progress report that nobody wants to see."""


class Meter:
    """Turns byte counts into reports with a rate; reports a state at most ten times a second."""

    def __init__(
        self, on_progress: Callable[[Progress], None] = ignore, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._on_progress = on_progress
        self._clock = clock
        self._last = Progress("checking")
        self._reported_at = float("-inf")
        self._samples: deque[tuple[float, int]] = deque()
        self._before = 0
        self._whole: int | None = None

    def part(self, before: int, whole: int | None) -> None:
        """From now on, report bytes of one file of several: so many `before` it, and `whole` in all."""
        self._before, self._whole = before, whole

    def report(self, state: State, done: int = 0, total: int | None = None) -> None:
        """Report `done` of `total` bytes in `state`."""
        self._report(state, self._before + done, total if self._whole is None else self._whole)

    def _report(self, state: State, done: int, total: int | None) -> None:
        now = self._clock()
        changed = state != self._last.state
        if changed:
            self._samples.clear()
        self._add_sample(now, done)
        if not changed and done != total and now - self._reported_at < _INTERVAL:
            return
        self._reported_at = now
        rate = self._rate()
        eta = (total - done) / rate if total is not None and rate > 0 else None
        self._last = Progress(state, done, total, rate, eta)
        self._on_progress(self._last)

    def hold(self, state: State) -> None:
        """Report that the transfer stands still where it is."""
        self._report(state, self._last.done, self._last.total)

    def _add_sample(self, now: float, done: int) -> None:
        if self._samples and done < self._samples[-1][1]:
            self._samples.clear()  # it has started over
        self._samples.append((now, done))
        while now - self._samples[0][0] > _WINDOW:
            self._samples.popleft()

    def _rate(self) -> float:
        (first, before), (last, after) = self._samples[0], self._samples[-1]
        return (after - before) / (last - first) if last > first else 0.0
