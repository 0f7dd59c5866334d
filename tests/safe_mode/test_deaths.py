"""Models with which the engine dies, in an order of events that a clock tells."""

from hypothesis import given
from hypothesis import strategies as st

from agent.safe_mode.deaths import Bounds, Deaths

BOUNDS = Bounds(deaths=3, window=600.0, patience=3600.0, longest=28800.0)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def made() -> tuple[Deaths, Clock]:
    clock = Clock()
    return Deaths(BOUNDS, clock), clock


def die(deaths: Deaths, model: str, times: int = 3) -> bool:
    return [deaths.died(model) for _ in range(times)][-1]


def test_three_deaths_within_the_window_are_too_many() -> None:
    deaths, _ = made()
    assert not die(deaths, "large", 2)
    assert deaths.died("large")
    assert deaths.barred == ["large"]


def test_deaths_that_are_far_apart_are_not() -> None:
    deaths, clock = made()
    for _ in range(10):
        assert not deaths.died("large")
        clock.now += 301
    assert not deaths.barred


def test_each_model_has_a_count_of_its_own() -> None:
    deaths, _ = made()
    for _ in range(2):
        deaths.died("large")
        deaths.died("small")
    assert not deaths.barred


def test_after_a_calm_hour_the_last_one_is_tried_and_one_death_is_enough_to_wait_twice_as_long() -> None:
    deaths, clock = made()
    die(deaths, "large")
    clock.now += 3599
    assert not deaths.another_try(nothing_runs=False)
    clock.now += 1
    assert deaths.another_try(nothing_runs=False) == "large"
    assert deaths.died("large")
    assert deaths.patience(nothing_runs=False) == 7200


def test_who_lasts_in_its_trial_is_as_good_as_new() -> None:
    deaths, clock = made()
    die(deaths, "large")
    clock.now += 3600
    deaths.another_try(nothing_runs=False)
    clock.now += 601
    deaths.another_try(nothing_runs=False)
    assert not die(deaths, "large", 2)
    assert deaths.died("large")
    assert deaths.patience(nothing_runs=False) == 3600


def test_one_model_is_tried_at_a_time_the_last_one_first() -> None:
    deaths, clock = made()
    die(deaths, "large")
    die(deaths, "middle")
    clock.now += 3600
    assert deaths.another_try(nothing_runs=False) == "middle"
    clock.now += 599
    assert not deaths.another_try(nothing_runs=False)
    clock.now += 3600
    assert deaths.another_try(nothing_runs=False) == "large"


def test_where_nothing_runs_the_wait_is_a_minute() -> None:
    deaths, clock = made()
    die(deaths, "only")
    clock.now += 59
    assert not deaths.another_try(nothing_runs=True)
    clock.now += 1
    assert not deaths.another_try(nothing_runs=False)
    assert deaths.another_try(nothing_runs=True) == "only"


EVENT = st.one_of(st.tuples(st.just("die"), st.sampled_from("abc")), st.tuples(st.just("wait"), st.integers(0, 9000)))


@given(st.lists(EVENT, max_size=60))
def test_whatever_has_happened_all_models_run_again_after_a_long_calm(past: list[tuple[str, str | int]]) -> None:
    deaths, clock = made()
    for _, what in past:
        if isinstance(what, int):
            clock.now += what
            deaths.another_try(nothing_runs=False)
        elif what not in deaths.barred:
            deaths.died(what)
        assert len(deaths.barred) == len(set(deaths.barred))
    for _ in range(4):
        clock.now += BOUNDS.longest
        deaths.another_try(nothing_runs=False)
    assert not deaths.barred
