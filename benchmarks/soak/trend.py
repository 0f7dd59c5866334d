"""Whether a series of measurements grows: the slope that half of all pairs exceed (Theil and Sen)."""

import itertools
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Point = tuple[float, float]
"""Seconds, and what was measured then."""

_HOUR = 3600.0
_NORMAL = 1.96  # of a standard normal distribution, 95 % lie within
_FEWEST = 8  # points, below which a slope means nothing


@dataclass(frozen=True)
class Trend:
    """A slope per hour, and the bounds between which it is with a probability of 95 %.

    Attributes:
        points: how many measurements it comes from.
        hours: how long they took; gaps between runs of a process left out.
    """

    slope: float
    low: float
    high: float
    points: int
    hours: float


def trend(runs: Iterable[Sequence[Point]]) -> Trend | None:
    """Return how measurements of one or several runs of a process change; None for too few of them.

    Only points of the same run are compared, so a new process may begin wherever it likes. Bounds as in Sen (1968),
    "Estimates of the regression coefficient based on Kendall's tau", with the variances of the runs added.
    """
    kept = [sorted(run) for run in runs if len(run) >= _FEWEST]
    if not kept:
        return None
    slopes = sorted(
        (second[1] - first[1]) / (second[0] - first[0]) * _HOUR
        for run in kept
        for first, second in itertools.combinations(run, 2)
        if second[0] > first[0]
    )
    spread = math.sqrt(sum(_variance(len(run)) for run in kept)) * _NORMAL
    count = len(slopes)
    low, high = max(0, round((count - spread) / 2)), min(count - 1, round((count + spread) / 2))
    hours = sum(run[-1][0] - run[0][0] for run in kept) / _HOUR
    return Trend(statistics.median(slopes), slopes[low], slopes[high], sum(map(len, kept)), hours)


def floor(run: Sequence[Point], seconds: float = 300.0) -> list[Point]:
    """Return the least of each so many seconds: what a process has right after it has given back what was free.

    What requests take that are under way, and what has been freed since, comes and goes; what leaks stays.
    """
    windows: dict[int, list[Point]] = {}
    for point in run:
        windows.setdefault(int((point[0] - run[0][0]) // seconds), []).append(point)
    return [min(points, key=lambda point: point[1]) for points in windows.values()]


def _variance(points: int) -> float:
    """Return the variance of Kendall's score where nothing grows."""
    return points * (points - 1) * (2 * points + 5) / 18


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of all values does not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0
