"""Small charts as SVG paths: lines over time with gaps where nothing was known."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 320, 96  # units of the drawing
_POINTS = 160  # drawn at most; more cannot be told apart
_DECIMALS = 1


@dataclass(frozen=True)
class Chart:
    """One line over time.

    Attributes:
        line: path of the line.
        area: path of the area below it.
        low, high: values at the bottom and at the top.
        least, mean, most: of the values; None when nothing was known.
        latest: the newest value; None when it is not known.
    """

    line: str
    area: str
    low: float
    high: float
    least: float | None
    mean: float | None
    most: float | None
    latest: float | None


def chart(values: Sequence[float], *, low: float, high: float, grow: float = 0.0) -> Chart:
    """Return a chart of values, the oldest first; NaN is a gap.

    Args:
        values: as they were kept.
        low: value at the bottom.
        high: value at the top, unless a value is higher.
        grow: the top is a multiple of this where a value exceeds `high`.
    """
    known = [value for value in values if not math.isnan(value)]
    if known and grow and max(known) > high:
        high = math.ceil(max(known) / grow) * grow
    points = _thinned(values, _POINTS)
    runs = list(_runs(points, low, high))
    return Chart(
        line="".join(_line(run) for run in runs),
        area="".join(f"{_line(run)}V{HEIGHT}H{run[0][0]:g}Z" for run in runs),
        low=low,
        high=high,
        least=min(known, default=None),
        mean=sum(known) / len(known) if known else None,
        most=max(known, default=None),
        latest=values[-1] if len(values) and not math.isnan(values[-1]) else None,
    )


def _thinned(values: Sequence[float], count: int) -> list[float]:
    """Return at most so many values, each the mean of its neighbours."""
    size = max(1, math.ceil(len(values) / count))
    return [_mean(values[start : start + size]) for start in range(0, len(values), size)]


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _runs(values: Sequence[float], low: float, high: float) -> Iterator[list[tuple[float, float]]]:
    """Yield the points of each stretch without a gap."""
    run: list[tuple[float, float]] = []
    for number, value in enumerate(values):
        if math.isnan(value):
            if run:
                yield run
            run = []
            continue
        x = round(number * WIDTH / max(1, len(values) - 1), _DECIMALS)
        share = (min(max(value, low), high) - low) / (high - low) if high > low else 0.0
        run.append((x, round(HEIGHT * (1 - share), _DECIMALS)))
    if run:
        yield run


def _line(run: Sequence[tuple[float, float]]) -> str:
    """Return the path of a stretch; a single point becomes a dot, drawn by the round ends of the line."""
    (x, y), *others = run
    return f"M{x:g} {y:g}" + ("".join(f"L{x:g} {y:g}" for x, y in others) or "h0")
