"""The books on a device: come, lost, or missing."""

from hypothesis import given
from hypothesis import strategies as st

from agent.fleet.ledger import Hole, Ledger


def received(*numbers: int, complete: bool = False, boot: str = "b") -> Ledger:
    ledger = Ledger(complete=complete)
    for number in numbers:
        ledger.receive(boot, number)
    return ledger


def test_an_item_that_comes_twice_is_told_apart() -> None:
    ledger = Ledger()
    assert ledger.receive("b", 7)
    assert not ledger.receive("b", 7)
    assert ledger.receive("another run", 7)
    assert ledger.received() == 2


def test_what_neither_came_nor_was_reported_lost_is_missing() -> None:
    ledger = received(3, 4, 9)
    assert list(ledger.holes()) == [Hole("b", 5, 8)]
    ledger.lose("b", 5, 6, "full")
    assert list(ledger.holes()) == [Hole("b", 7, 8)]
    assert (ledger.lost(), ledger.missing()) == (2, 2)
    ledger.receive("b", 8)
    ledger.receive("b", 7)
    assert ledger.missing() == 0


def test_who_came_late_does_not_ask_for_what_was_before() -> None:
    assert received(40, 41).missing() == 0
    assert list(received(3, complete=True).holes()) == [Hole("b", 1, 2)]


def test_what_was_reported_lost_and_comes_all_the_same_is_not_lost() -> None:
    ledger = received(1, 5)
    ledger.lose("b", 2, 4, "full")
    ledger.receive("b", 3)
    assert (ledger.lost(), ledger.missing(), ledger.received()) == (2, 0, 3)


def test_what_a_run_may_have_had_when_it_ended_without_a_word_is_counted_apart() -> None:
    ledger = received(1, 2)
    ledger.lose("b", 3, 256, "restart")
    ledger.receive("b", 4)
    assert (ledger.lost(), ledger.doubtful(), ledger.missing()) == (0, 253, 0)


def test_what_was_merged_into_others_is_neither_lost_nor_missing() -> None:
    ledger = received(6, 12)
    ledger.lose("b", 1, 11, "thinned")
    assert (ledger.lost(), ledger.missing()) == (0, 0)


def test_only_the_latest_runs_are_remembered() -> None:
    ledger = Ledger()
    for run in range(40):
        ledger.receive(f"run {run}", 1)
        ledger.receive(f"run {run}", 3)
    assert [hole.boot for hole in ledger.holes()] == [f"run {run}" for run in range(24, 40)]


@given(st.permutations(range(1, 41)), st.sets(st.integers(1, 40)), st.sets(st.integers(1, 40)))
def test_the_books_are_right_whatever_the_order(order: list[int], came: set[int], reported: set[int]) -> None:
    ledger = Ledger(complete=True)
    for number in order:
        if number in reported:
            ledger.lose("b", number, number, "age")
        if number in came:
            ledger.receive("b", number)
    assert ledger.received() == len(came)
    assert ledger.lost() == len(reported - came)
    highest = max(came, default=0)
    missing = {number for hole in ledger.holes() for number in range(hole.first, hole.last + 1)}
    assert missing == set(range(1, highest + 1)) - came - reported
