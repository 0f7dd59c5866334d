"""Power, from files as the drivers of boards and processors make them."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.hardware.power import Drawn, find, sources
from tests.hardware.planting import tree

HWMON = "sys/class/hwmon/hwmon"
RAPL = "sys/class/powercap/intel-rapl:"
BATTERY = "sys/class/power_supply/BAT0"
ORIN_NANO = {
    f"{HWMON}1/name": "ina3221\n",
    f"{HWMON}1/in1_label": "VDD_IN\n",
    f"{HWMON}1/in1_input": "5072\n",
    f"{HWMON}1/curr1_input": "1000\n",
    f"{HWMON}1/in2_label": "VDD_CPU_GPU_CV\n",
    f"{HWMON}1/in2_input": "5064\n",
    f"{HWMON}1/curr2_input": "200\n",
    f"{HWMON}1/in7_label": "sum of shunt voltages\n",
}
AGX_ORIN = {
    f"{HWMON}1/name": "ina3221\n",
    f"{HWMON}1/in1_label": "VDD_GPU_SOC\n",
    f"{HWMON}1/in1_input": "20000\n",
    f"{HWMON}1/curr1_input": "100\n",
    f"{HWMON}1/in2_label": "VDD_CPU_CV\n",
    f"{HWMON}1/in2_input": "20000\n",
    f"{HWMON}1/curr2_input": "50\n",
    f"{HWMON}2/name": "ina3221\n",
    f"{HWMON}2/in1_label": "NC\n",
    f"{HWMON}2/in1_input": "5000\n",
    f"{HWMON}2/curr1_input": "9000\n",
}
NANO = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0"
JETSON_NANO = {
    f"{NANO}/rail_name_0": "POM_5V_IN\n",
    f"{NANO}/in_power0_input": "2500\n",
    f"{NANO}/rail_name_1": "POM_5V_GPU\n",
    f"{NANO}/in_power1_input": "40\n",
}
PACKAGE = {
    f"{RAPL}0/name": "package-0\n",
    f"{RAPL}0/energy_uj": "4000000\n",
    f"{RAPL}0:0/name": "core\n",
    f"{RAPL}0:0/energy_uj": "3000000\n",
}
TWO_SOCKETS = {**PACKAGE, f"{RAPL}1/name": "package-1\n", f"{RAPL}1/energy_uj": "1500000\n"}
PLATFORM = {**PACKAGE, f"{RAPL}1/name": "psys\n", f"{RAPL}1/energy_uj": "9000000\n"}
DISCHARGING = {
    f"{BATTERY}/type": "Battery\n",
    f"{BATTERY}/status": "Discharging\n",
    f"{BATTERY}/voltage_now": "12000000\n",
    f"{BATTERY}/current_now": "-1500000\n",
}
ON_MAINS = {**DISCHARGING, f"{BATTERY}/status": "Charging\n"}
MOUSE = {**DISCHARGING, f"{BATTERY}/scope": "Device\n"}
USB = {
    "sys/class/power_supply/tcpm-source-psy-4-0022/type": "USB\n",
    "sys/class/power_supply/tcpm-source-psy-4-0022/voltage_now": "5000000\n",
    "sys/class/power_supply/tcpm-source-psy-4-0022/current_now": "3000000\n",
}
APU = {f"{HWMON}3/name": "amdgpu\n", f"{HWMON}3/power1_input": "15000000\n"}
METER = {f"{HWMON}4/name": "power_meter\n", f"{HWMON}4/power1_average": "120000000\n"}
DISK = {f"{HWMON}5/name": "nvme\n", f"{HWMON}5/power1_input": "5000000\n"}


def drawn(root: Path, files: Mapping[str, str]) -> Drawn:
    planted = tree(root, files)
    return find(planted, sources(planted))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (ORIN_NANO, Drawn("board", watts=5.072)),
        (AGX_ORIN, Drawn("rails", watts=3.0)),
        (JETSON_NANO, Drawn("board", watts=2.5)),
        (PACKAGE, Drawn("package", joules=4.0)),
        (TWO_SOCKETS, Drawn("package", joules=5.5)),
        (DISCHARGING, Drawn("board", watts=18.0)),
        ({**DISCHARGING, f"{BATTERY}/power_now": "17000000\n"}, Drawn("board", watts=17.0)),
        (APU, Drawn("package", watts=15.0)),
        (METER, Drawn("board", watts=120.0)),
        ({}, Drawn()),
        (ON_MAINS, Drawn()),
        (MOUSE, Drawn()),
        (USB, Drawn()),
        (DISK, Drawn()),
    ],
)
def test_what_is_drawn_is_that_of_the_sensor(tmp_path: Path, files: Mapping[str, str], expected: Drawn) -> None:
    found = drawn(tmp_path, files)
    assert found.of == expected.of
    assert found.watts == pytest.approx(expected.watts)
    assert found.joules == pytest.approx(expected.joules)


@pytest.mark.parametrize("files", [{**PACKAGE, **METER}, PLATFORM, {**APU, **DISCHARGING}])
def test_the_whole_board_comes_before_its_processor(tmp_path: Path, files: Mapping[str, str]) -> None:
    assert drawn(tmp_path, files).of == "board"


def test_a_battery_that_is_charged_leaves_it_to_the_processor(tmp_path: Path) -> None:
    assert drawn(tmp_path, {**ON_MAINS, **PACKAGE}) == Drawn("package", joules=4.0)


def test_a_rail_that_cannot_be_read_makes_no_smaller_sum(tmp_path: Path) -> None:
    assert drawn(tmp_path, {**AGX_ORIN, f"{HWMON}1/curr2_input": "\n"}) == Drawn()


def test_an_absurd_value_is_left_out(tmp_path: Path) -> None:
    assert drawn(tmp_path, {**METER, f"{HWMON}4/power1_average": "4294967295000000\n"}) == Drawn()
