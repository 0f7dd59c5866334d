"""Sets of numbers in long runs, compared with Python's own sets."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agent.fleet.ranges import Ranges

PIECES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=20)


def made(pieces: list[tuple[int, int]]) -> tuple[Ranges, set[int]]:
    ranges = Ranges()
    numbers: set[int] = set()
    for first, more in pieces:
        ranges.add(first, first + more)
        numbers.update(range(first, first + more + 1))
    return ranges, numbers


def spelled(ranges: Ranges) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


@given(PIECES)
def test_what_was_added_is_there_in_as_few_ranges_as_can_be(pieces: list[tuple[int, int]]) -> None:
    ranges, numbers = made(pieces)
    assert spelled(ranges) == numbers
    assert len(ranges) == len(numbers)
    assert {number for number in range(-1, 80) if number in ranges} == numbers
    assert ranges.bounds() == ((min(numbers), max(numbers)) if numbers else (1, 0))
    kept = list(ranges)
    assert all(first > before + 1 for (_, before), (first, _) in pairwise(kept))


@given(PIECES, PIECES, PIECES)
def test_a_difference_is_what_none_of_the_others_has(
    pieces: list[tuple[int, int]], other: list[tuple[int, int]], third: list[tuple[int, int]]
) -> None:
    ranges, numbers = made(pieces)
    first, taken = made(other)
    second, more = made(third)
    assert spelled(ranges.without(first, second)) == numbers - taken - more
    assert spelled(ranges) == numbers
