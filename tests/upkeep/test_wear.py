"""How long the flash memory will last: what is said can be known."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.upkeep import wear as module
from agent.upkeep.wear import LATE, YEARLY, Wear

DAY, YEAR = 86_400.0, 365 * 86_400.0


def watched(path: Path, days: int, *, per_day: int = 0, worn: Sequence[float] = ()) -> Wear:
    """Return the wear after some days, each a run of the daemon."""
    for day in range(days):
        wear = Wear(path)
        age = worn[day] if worn else None
        wear.add(0.0, 0, age)
        wear.add(DAY, per_day, age)
        wear.keep()
    return Wear(path)


def test_nothing_is_foretold_before_a_week_was_watched(tmp_path: Path) -> None:
    wear = watched(tmp_path / "wear.json", 6, per_day=1000, worn=[0.1] * 6)
    assert wear.yearly() is None
    assert wear.years_left() is None
    assert wear.budget_used(1000) is None


def test_a_year_is_reckoned_from_all_runs_of_the_daemon(tmp_path: Path) -> None:
    wear = watched(tmp_path / "wear.json", 10, per_day=5_000_000)
    assert wear.yearly() == pytest.approx(365 * 5_000_000)
    assert wear.budget_used(10**9) == pytest.approx(365 * 5_000_000 / (YEARLY * 10**9))
    assert wear.years_left() is None, "a card that does not tell its age"


def test_old_habits_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MEMORY", 5 * DAY)
    path = tmp_path / "wear.json"
    watched(path, 10, per_day=1_000_000)
    wear = watched(path, 40, per_day=1000)
    assert (wear.yearly() or 0) < 365 * 100_000


def test_an_emmc_lasts_at_least_as_long_as_it_has_shown(tmp_path: Path) -> None:
    steady = watched(tmp_path / "steady.json", 30, worn=[0.1] * 30)
    assert steady.years_left() == pytest.approx(0.9 * 30 * DAY / 0.1 / YEAR)
    ageing = watched(tmp_path / "ageing.json", 30, worn=[0.1] * 10 + [0.2] * 10 + [0.3] * 10)
    assert ageing.years_left() == pytest.approx(0.7 * 30 * DAY / 0.3 / YEAR, rel=0.1)


def test_another_emmc_begins_anew(tmp_path: Path) -> None:
    wear = watched(tmp_path / "wear.json", 20, worn=[0.5] * 10 + [0.1] * 10)
    assert wear.kept.worn == 0.1
    assert (wear.years_left() or 0) < 0.9 * 11 * DAY / 0.1 / YEAR


def test_the_owner_is_told_once_for_each_tenth_of_old_age(tmp_path: Path) -> None:
    path = tmp_path / "wear.json"
    told = []
    for day, worn in enumerate([0.7, LATE, LATE, 0.9, 0.9, 1.0]):
        wear = Wear(path)  # also across restarts
        told.append(wear.add(day * DAY, 0, worn))
    assert told == [False, True, False, True, False, True]


def test_a_daemon_that_runs_writes_the_file_once_a_day(tmp_path: Path) -> None:
    path = tmp_path / "wear.json"
    wear, written = Wear(path), 0
    last = b""
    for minute in range(3 * 24 * 60):
        wear.add(minute * 60.0, minute, 0.1)
        if path.exists() and path.read_bytes() != last:
            last, written = path.read_bytes(), written + 1
    assert written <= 4


def test_a_file_that_cannot_be_read_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "wear.json"
    path.write_bytes(b"\0" * 50)
    assert Wear(path).yearly() is None
