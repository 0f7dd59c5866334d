"""The times of day in which the model may change."""

import re

import pytest

from agent.telemetry.clock import Clock
from agent.telemetry.jobs.window import closed, never_open
from agent.telemetry.settings import DAYTIME
from tests.telemetry.fake_time import FakeTime

pytestmark = pytest.mark.usefixtures("greenwich")


def at(hour: int, minute: int = 0) -> Clock:
    """Return a clock that knows the time."""
    time = FakeTime(time=1_795_219_200.0 + hour * 3600 + minute * 60)  # midnight, 21 November 2026
    return Clock(None, time)


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ("02:00-05:00", (2, 0), (5, 0)),
        ("02:00-05:00", (4, 59), (1, 59)),
        ("22:30-04:00", (22, 30), (22, 29)),
        ("22:30-04:00", (0, 0), (4, 0)),
        ("22:30-04:00", (3, 59), (12, 0)),
    ],
)
def test_a_window_has_its_first_minute_but_not_its_last_also_over_midnight(
    window: str, inside: tuple[int, int], outside: tuple[int, int]
) -> None:
    assert closed(["", window], at(*inside)) == ""
    assert window in closed(["", window], at(*outside))


def test_no_window_and_one_that_ends_where_it_begins_are_always_open() -> None:
    assert all(closed(["", ""], at(hour)) == closed(["03:00-03:00"], at(hour)) == "" for hour in range(24))


def test_all_windows_must_be_open() -> None:
    windows = ["01:00-04:00", "03:00-06:00"]
    assert [hour for hour in range(24) if not closed(windows, at(hour))] == [3]
    assert not never_open(windows)
    assert never_open(["01:00-03:00", "03:00-06:00"])
    assert not never_open(["", ""])


def test_a_device_that_does_not_know_the_time_changes_nothing() -> None:
    unset = Clock(None, FakeTime(time=3 * 3600.0, synced=False))
    assert "does not know what time it is" in closed(["00:00-23:59"], unset)
    assert closed([""], unset) == ""


@pytest.mark.parametrize("text", ["24:00-01:00", "29:00-01:00", "1:00-2:00", "01:60-02:00", "01:00"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    assert not re.match(DAYTIME, text)
    assert re.match(DAYTIME, "23:59-00:00")
