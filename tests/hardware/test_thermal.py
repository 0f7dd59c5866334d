from pathlib import Path

import pytest

from agent.hardware import thermal
from agent.hardware.facts import Zone
from tests.hardware.planting import ZONE, raspberry_pi, tree

THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
HWMON = "sys/class/hwmon/hwmon0"


def test_a_board_tells_its_temperature_its_limit_and_its_governor(tmp_path: Path) -> None:
    found = thermal.find(tree(tmp_path, raspberry_pi()))
    assert found.zones == [Zone("cpu-thermal", 54.55, 110.0)]
    assert found.governor == "ondemand"


def test_the_lowest_trip_point_that_slows_down_is_the_limit(tmp_path: Path) -> None:
    files = {f"{ZONE}/temp": "50000", f"{ZONE}/type": "soc"}
    for index, (kind, temperature) in enumerate(
        [("critical", 105), ("active", 40), ("passive", 85), ("hot", -274), ("x", 1)]
    ):
        files |= {f"{ZONE}/trip_point_{index}_type": kind, f"{ZONE}/trip_point_{index}_temp": f"{temperature}000"}
    assert thermal.find(tree(tmp_path, files)).zones == [Zone("soc", 50.0, 85.0)]


@pytest.mark.parametrize("temperature", ["-274000", "-40001", "150001", "2147483647", "", "hot"])
def test_implausible_temperatures_are_no_fact(tmp_path: Path, temperature: str) -> None:
    assert thermal.find(tree(tmp_path, {f"{ZONE}/type": "x", f"{ZONE}/temp": temperature})).zones == []


def test_frost_is_plausible(tmp_path: Path) -> None:
    assert thermal.find(tree(tmp_path, {f"{ZONE}/temp": "-12500\n"})).zones == [Zone("", -12.5, None)]


def test_without_zones_the_hardware_monitors_are_read(tmp_path: Path) -> None:
    files = {f"{HWMON}/name": "k10temp", f"{HWMON}/temp1_input": "61250", f"{HWMON}/temp1_label": "Tctl"}
    files |= {f"{HWMON}/temp1_max": "95000", f"{HWMON}/temp1_crit": "105000", f"{HWMON}/temp2_input": "junk"}
    assert thermal.find(tree(tmp_path, files)).zones == [Zone("k10temp Tctl", 61.25, 95.0)]
    both = thermal.find(tree(tmp_path, {f"{ZONE}/type": "cpu", f"{ZONE}/temp": "50000"}))
    assert [zone.name for zone in both.zones] == ["cpu"]


@pytest.mark.parametrize(
    ("value", "now", "before"),
    [
        ("0", [], []),
        ("50005", ["under-voltage", "throttled"], ["under-voltage", "throttled"]),
        ("0xe0008", ["soft temperature limit"], ["frequency capped", "throttled", "soft temperature limit"]),
        ("junk", [], []),
    ],
)
def test_the_firmware_of_a_raspberry_pi_tells_what_holds_it_back(
    tmp_path: Path, value: str, now: list[str], before: list[str]
) -> None:
    found = thermal.find(tree(tmp_path, {THROTTLED: f"{value}\n"}))
    assert (found.throttled, found.throttled_before) == (now, before)


def test_the_firmware_node_of_a_raspberry_pi_5_has_an_address(tmp_path: Path) -> None:
    path = "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"
    assert thermal.find(tree(tmp_path, {path: "1\n"})).throttled == ["under-voltage"]


def test_a_monitor_of_the_supply_tells_under_voltage_too(tmp_path: Path) -> None:
    files = {f"{HWMON}/name": "rpi_volt\n", f"{HWMON}/in0_lcrit_alarm": "1\n", THROTTLED: "1\n"}
    assert thermal.find(tree(tmp_path, files)).throttled == ["under-voltage"]
    files = {f"{HWMON}/name": "nct6775\n", f"{HWMON}/in0_lcrit_alarm": "1\n", THROTTLED: "0\n"}
    assert thermal.find(tree(tmp_path, files)).throttled == []


def test_a_pc_counts_how_often_it_was_throttled(tmp_path: Path) -> None:
    counter = "sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count"
    assert thermal.find(tree(tmp_path, {counter: "17\n"})).throttled_before == ["throttled"]
    assert thermal.find(tree(tmp_path, {counter: "0\n"})).throttled_before == []
