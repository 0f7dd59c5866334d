"""Pressure, from texts as the kernel writes them."""

from pathlib import Path

import pytest

from agent.hardware.pressure import NO_PRESSURE, Stall, find
from tests.hardware.planting import tree

SOME = "some avg10=12.50 avg60=3.00 avg300=1.00 total=371612275\n"
FULL = "full avg10=6.25 avg60=1.50 avg300=0.50 total=281882460\n"


def test_shares_are_those_of_ten_seconds_and_of_a_minute(tmp_path: Path) -> None:
    found = find(tree(tmp_path, {"proc/pressure/memory": SOME + FULL}))
    assert found.memory == Stall(some=0.125, some_minute=0.03, full=0.0625, full_minute=0.015)
    assert found.cpu is None


def test_kernels_before_5_13_say_nothing_of_full_pressure_on_the_processor(tmp_path: Path) -> None:
    found = find(tree(tmp_path, {"proc/pressure/cpu": SOME}))
    assert found.cpu == Stall(some=0.125, some_minute=0.03, full=0.0, full_minute=0.0)


@pytest.mark.parametrize("text", ["", FULL, "some avg10=x avg60=0.00 ", SOME.replace("12.50", "912.50")])
def test_what_is_no_pressure_is_unknown(tmp_path: Path, text: str) -> None:
    assert find(tree(tmp_path, {"proc/pressure/io": text})) == NO_PRESSURE
