"""Values over time: means and maxima by slot, gaps, the oldest go."""

import math

from agent.history import History


def history(length: int = 4) -> History:
    return History(10.0, length, {"mean": "mean", "top": "max"})


def test_a_slot_has_the_mean_or_the_maximum_of_what_fell_into_it() -> None:
    kept = history()
    for now, value in ((100.0, 1.0), (103.0, 6.0), (109.9, 2.0)):
        kept.add(now, {"mean": value, "top": value})
    assert (kept.series("mean")[-1], kept.series("top")[-1]) == (3.0, 6.0)


def test_slots_in_which_nothing_was_known_are_gaps() -> None:
    kept = history()
    kept.add(100.0, {"mean": 1.0, "top": None})
    kept.add(130.0, {"mean": 2.0, "top": 5.0})
    assert [math.isnan(value) for value in kept.series("mean")] == [False, True, True, False]
    assert [math.isnan(value) for value in kept.series("top")] == [True, True, True, False]


def test_the_oldest_values_go_and_the_newest_is_last() -> None:
    kept = history()
    for slot in range(6):
        kept.add(slot * 10.0, {"mean": slot})
    assert list(kept.series("mean")) == [2.0, 3.0, 4.0, 5.0]


def test_a_pause_longer_than_the_whole_leaves_nothing_of_before() -> None:
    kept = history()
    kept.add(0.0, {"mean": 1.0})
    kept.add(1000.0, {"mean": 2.0})
    assert [value for value in kept.series("mean") if not math.isnan(value)] == [2.0]


def test_before_the_first_value_all_is_unknown() -> None:
    assert all(math.isnan(value) for value in history().series("mean"))
