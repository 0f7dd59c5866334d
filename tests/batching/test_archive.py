from hypothesis import given
from hypothesis import strategies as st

from agent.batching.archive import Archive, Entry

TOKENS = st.lists(st.integers(0, 3), min_size=1, max_size=8)


def entry(*cells: int, size: int = 10) -> Entry:
    return Entry(list(cells), bytearray(size))


def test_the_conversation_that_the_prompt_continues_is_taken_once() -> None:
    archive = Archive(100)
    archive.put(entry(1, 2, 3))
    archive.put(entry(1, 2, 9))
    found = archive.take([1, 2, 3, 4], 1)
    assert found is not None
    assert found.cells == [1, 2, 3]
    assert archive.size == 10
    assert archive.take([1, 2, 3, 4], 3) is None


def test_too_short_a_beginning_is_not_worth_it() -> None:
    archive = Archive(100)
    archive.put(entry(1, 2, 3))
    assert archive.take([1, 2, 7], 3) is None
    assert archive.size == 10


def test_a_later_turn_replaces_the_earlier_one() -> None:
    archive = Archive(100)
    archive.put(entry(1, 2))
    archive.put(entry(1, 2, 3))
    assert archive.size == 10


def test_what_was_not_used_for_longest_makes_room() -> None:
    archive = Archive(25)
    for number in (1, 2, 3):
        archive.put(entry(number))
    assert archive.take([1], 1) is None
    assert archive.take([2], 1) is not None
    assert archive.take([3], 1) is not None


def test_without_room_nothing_is_kept() -> None:
    archive = Archive(0)
    assert not archive.room(1)
    archive.put(entry(1))
    assert archive.size == 0


@given(st.lists(st.tuples(TOKENS, st.integers(0, 40))), st.integers(0, 100))
def test_the_limit_holds_whatever_is_put(entries: list[tuple[list[int], int]], limit: int) -> None:
    archive = Archive(limit)
    for cells, size in entries:
        archive.put(entry(*cells, size=size))
        assert archive.size <= limit


def test_less_room_costs_the_oldest_and_no_room_all() -> None:
    archive = Archive(100)
    for first in range(5):
        archive.put(entry(first, 2, 3))
    archive.resize(20)
    assert archive.size == 20
    assert archive.take([4, 2, 3], 1) is not None
    archive.resize(0)
    archive.put(entry(1, 2, 3))
    assert archive.size == 0
