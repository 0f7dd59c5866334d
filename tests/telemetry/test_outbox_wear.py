"""What history costs the card it waits on."""

from pathlib import Path

import pytest

from agent.telemetry.waiting.kinds import DAY, MIB, Limits
from benchmarks.outbox import Outage, delivered


def test_a_sample_offline_costs_less_than_a_kilobyte_of_writes(tmp_path: Path) -> None:
    assert 300 < Outage(tmp_path, Limits(free=0), days=0.5).written <= 1000


def test_a_sample_that_is_delivered_costs_next_to_nothing(tmp_path: Path) -> None:
    assert delivered(tmp_path, 3000) < 20


@pytest.mark.slow
def test_a_week_offline_is_kept_whole_within_the_default_bound(tmp_path: Path) -> None:
    week = Outage(tmp_path, Limits(free=0), days=6.99)
    assert week.box.stats.dropped == 0
    assert week.disk() < 24 * MIB
    count, _ = week.replay()
    assert count == week.rows


@pytest.mark.slow
def test_a_week_offline_fits_an_eighth_of_that_with_one_item_per_minute(tmp_path: Path) -> None:
    week = Outage(tmp_path, Limits(size=8 * MIB, age=8 * DAY, free=0), days=7)
    assert week.box.stats.dropped == 0
    assert week.disk() <= 8 * MIB + 64 * 1024
    count, _ = week.replay()
    assert 7 * 1440 <= count < week.rows / 3
