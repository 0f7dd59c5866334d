"""Sets of numbers that come in long runs, such as those of items that were received."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator


class Ranges:
    """Whole numbers, kept as ranges that neither overlap nor touch."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self._firsts, number) - 1
        return place >= 0 and number <= self._lasts[place]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._firsts, self._lasts, strict=True)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self)

    def add(self, first: int, last: int) -> None:
        """Add the numbers from `first` to `last`, both included."""
        begin = bisect_left(self._lasts, first - 1)
        end = bisect_right(self._firsts, last + 1)
        if begin < end:
            first, last = min(first, self._firsts[begin]), max(last, self._lasts[end - 1])
        self._firsts[begin:end], self._lasts[begin:end] = [first], [last]

    def bounds(self) -> tuple[int, int]:
        """Return the lowest and the highest number; (1, 0) if there is none."""
        return (self._firsts[0], self._lasts[-1]) if self._firsts else (1, 0)

    def overlapping(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield those ranges that have something of the numbers from `first` to `last`."""
        place = bisect_left(self._lasts, first)
        while place < len(self._firsts) and self._firsts[place] <= last:
            yield self._firsts[place], self._lasts[place]
            place += 1

    def without(self, *others: "Ranges") -> "Ranges":
        """Return the numbers that are in none of the others."""
        rest = self
        for other in others:
            rest = rest._minus(other)
        return rest

    def _minus(self, other: "Ranges") -> "Ranges":
        rest = Ranges()
        for first, last in self:
            begin = first
            for taken, until in other.overlapping(first, last):
                rest._append(begin, taken - 1)
                begin = until + 1
            rest._append(begin, last)
        return rest

    def _append(self, first: int, last: int) -> None:
        if first <= last:
            self._firsts.append(first)
            self._lasts.append(last)
