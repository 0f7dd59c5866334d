"""What history costs the card it waits on."""

from pathlib import Path

import pytest

from agent.telemetry.waiting.kinds import DAY, MIB, Limits
from benchmarks.outbox import Outage, card, delivered


def test_a_sample_offline_costs_less_than_a_kilobyte_of_writes(tmp_path: Path) -> None:
    cost = card(tmp_path, days=0.25)
    if not cost:
        pytest.skip("this folder is in memory")
    assert 4096 / 6 < cost <= 1000  # six samples share a page at least


def test_samples_that_are_written_together_cost_a_tenth_of_that(tmp_path: Path) -> None:
    assert 50 < Outage(tmp_path, Limits(free=0), days=0.25).written <= 150


def test_a_sample_that_is_delivered_costs_next_to_nothing(tmp_path: Path) -> None:
    assert delivered(tmp_path, 3000) < 20


@pytest.mark.slow
def test_a_week_offline_is_kept_whole_within_the_default_bound(tmp_path: Path) -> None:
    week = Outage(tmp_path, Limits(free=0), days=6.99)
    assert week.box.stats.dropped == 0
    assert week.disk() < 4 * MIB
    count, _ = week.replay()
    assert count == week.rows


@pytest.mark.slow
def test_a_week_offline_fits_half_of_that_with_one_item_per_minute(tmp_path: Path) -> None:
    week = Outage(tmp_path, Limits(size=2 * MIB, age=8 * DAY, free=0), days=7)
    assert week.box.stats.dropped == 0
    assert week.disk() <= 2 * MIB + 64 * 1024
    count, _ = week.replay()
    assert 7 * 1440 <= count < week.rows / 3
