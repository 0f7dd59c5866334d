"""Samples become one per minute, with mean and extremes: a long outage costs detail before it costs time."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import msgspec

from agent.telemetry.payloads import Item, Value

MINUTE = 60


def minutes(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield the items of each minute together, of one run of the daemon."""
    for _, group in groupby(items, key=lambda item: (item.boot, int(item.mono // MINUTE))):
        yield list(group)


def merged(items: Sequence[Item]) -> Item:
    """Return one item for several, under the number of the last: means, extremes, and of texts the last.

    Args:
        items: samples of some time, oldest first, at least two.
    """
    last = items[-1]
    names = dict.fromkeys(name for item in items for name in item.values)
    columns = {name: [item.values[name] for item in items if name in item.values] for name in names}
    numbers = {name: found for name, column in columns.items() if (found := _numbers(column))}
    lasting = (last.mono - items[0].mono) * len(items) / (len(items) - 1)  # each stands for the time up to the next
    return msgspec.structs.replace(
        last,
        values={name: _mean(numbers[name]) if name in numbers else column[-1] for name, column in columns.items()},
        low={name: min(column) for name, column in numbers.items() if min(column) < max(column)},
        high={name: max(column) for name, column in numbers.items() if min(column) < max(column)},
        span=float(round(lasting)),
    )


def _numbers(column: Sequence[Value]) -> list[float]:
    """Return the numbers of a column that has nothing else but gaps in it."""
    known = [value for value in column if value is not None]
    numbers = [value for value in known if isinstance(value, int | float) and not isinstance(value, bool)]
    return numbers if len(numbers) == len(known) else []


def _mean(numbers: Sequence[float]) -> float:
    if numbers[0] == min(numbers) == max(numbers):
        return numbers[0]
    return float(f"{sum(numbers) / len(numbers):.6g}")
