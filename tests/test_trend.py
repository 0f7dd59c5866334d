"""The judgement of a soak: what grows is seen through noise, and what does not grow is not accused."""

import random

import pytest

from benchmarks.soak.trend import Point, floor, percentile, trend

HOUR = 3600.0


def series(slope: float, *, begin: float = 0.0, height: float = 60.0, noise: float = 0.5) -> list[Point]:
    """Return 50 minutes of measurements, one in ten seconds; `slope` per hour."""
    chance = random.Random(7)  # noqa: S311 - the same each time
    times = [begin + 10.0 * number for number in range(300)]
    return [(at, height + slope * (at - begin) / HOUR + chance.gauss(0, noise)) for at in times]


@pytest.mark.parametrize("slope", [-3.0, 0.0, 0.5, 4.0])
def test_the_slope_is_found_in_noise_and_lies_between_its_bounds(slope: float) -> None:
    found = trend([series(slope)])
    assert found is not None
    assert found.slope == pytest.approx(slope, abs=0.3)
    assert found.low < slope < found.high


def test_short_peaks_are_no_growth() -> None:
    points = [(at, value + 30 * (number % 25 == 0)) for number, (at, value) in enumerate(series(0.0))]
    found = trend([points])
    assert found is not None
    assert abs(found.slope) < 0.3


def test_a_process_that_begins_higher_than_the_one_before_has_not_grown() -> None:
    found = trend([series(0.2), series(0.2, begin=HOUR, height=90.0)])
    assert found is not None
    assert found.slope == pytest.approx(0.2, abs=0.3)
    assert found.hours == pytest.approx(2 * 2990 / HOUR)


@pytest.mark.parametrize("slope", [0.0, 4.0])
def test_the_floor_is_what_a_process_has_once_it_has_given_back_what_was_free(slope: float) -> None:
    found = floor([(at, value + at % 60 / 20) for at, value in series(slope, noise=0.01)])
    assert [int(at // 300) for at, _ in found] == list(range(10))
    assert all(at % 60 == 0 for at, _ in found)
    grown = trend([found])
    assert grown is not None
    assert grown.slope == pytest.approx(slope, abs=0.3)


def test_the_floor_of_a_process_without_measurements_is_nothing() -> None:
    assert floor([]) == []


def test_a_handful_of_points_says_nothing() -> None:
    assert trend([series(5.0)[:7], []]) is None


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(1, 101)]
    assert [percentile(values, share) for share in (0.5, 0.95, 1.0)] == [50, 95, 100]
    assert percentile([], 0.5) == 0
