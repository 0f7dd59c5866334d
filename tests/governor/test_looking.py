"""What the governor sees, on recorded boards and in small trees."""

import os
from pathlib import Path

import pytest

from agent.config import Config
from agent.governor.limits import find
from agent.governor.looking import Limits, look
from agent.governor.supply import Battery
from agent.hardware.facts import Zone
from tests.hardware.planting import plant, raspberry_pi, tree

BOARDS = Path(__file__).parents[1] / "boards"
LIMITS = Limits(80.0, 75.0)
MIB = 1 << 20
SUPPLY = "sys/class/power_supply"
GROUP = "sys/fs/cgroup/user.slice/edgewise.service"


@pytest.mark.parametrize(
    ("board", "throttles"),
    [
        ("raspberry-pi-5-8gb", 80),  # the kernel knows only of 110, where it shuts down
        ("raspberry-pi-3b-plus", 80),  # not the soft limit of 60, which costs less than a thread
        ("orange-pi-5", 75),  # the kernel begins earlier than the profile says
        ("n100-mini-pc", 105),
    ],
)
def test_limits_are_those_of_board_and_kernel_whichever_comes_first(
    board: str, throttles: float, tmp_path: Path
) -> None:
    root = BOARDS / board / "tree"
    limits = find(Config(state_dir=tmp_path), root)
    seen = look(tree(root, {}), limits, 0)
    assert {sensor.limit for sensor in seen.sensors} == {throttles}


@pytest.mark.parametrize("trip", [None, 20.0, 70.0, 127.0])
def test_trip_points_that_are_about_something_else_do_not_count(trip: float | None) -> None:
    assert LIMITS.of(Zone("acpitz", 40.0, trip)) == 80.0


def test_an_unknown_profile_leaves_the_usual_limits(tmp_path: Path) -> None:
    (tmp_path / "firmware-profiles").mkdir()
    (tmp_path / "firmware-profiles" / "mine.toml").write_text("nonsense = 1")
    assert find(Config(state_dir=tmp_path), Path("/")).throttles == 80.0


def test_a_weak_power_supply_and_a_sensor_are_seen(tmp_path: Path) -> None:
    seen = look(tree(tmp_path, raspberry_pi()), LIMITS, 0)
    assert [(sensor.name, sensor.celsius) for sensor in seen.sensors] == [("0 cpu-thermal", 54.55)]
    assert seen.flags == ("under-voltage",)
    assert seen.battery is None


def test_of_the_batteries_that_feed_the_computer_the_weakest_counts(tmp_path: Path) -> None:
    supplies = {
        "BAT0": {"type": "Battery", "capacity": "71", "status": "Discharging"},
        "ups": {"type": "UPS", "capacity": "15", "status": "Charging"},
        "mouse": {"type": "Battery", "scope": "Device", "capacity": "2", "status": "Discharging"},
        "broken": {"type": "Battery", "capacity": "255", "status": "Discharging"},
        "mains": {"type": "Mains", "online": "1"},
    }
    files = {f"{SUPPLY}/{name}/{file}": text for name, all_ in supplies.items() for file, text in all_.items()}
    assert look(tree(tmp_path, files), LIMITS, 0).battery == Battery(0.15, discharging=False)


def test_room_is_what_the_tighter_of_both_units_has(tmp_path: Path) -> None:
    engine = "sys/fs/cgroup/system.slice/edgewise-engine.service"
    pressure = "some avg10=30.00 avg60=1.00 avg300=0.00 total=1\nfull avg10=12.00 avg60=1.00 avg300=0.00 total=1\n"
    files = {
        "proc/meminfo": "MemTotal:  8192000 kB\nMemAvailable:  4096000 kB\n",
        "proc/self/cgroup": "0::/user.slice/edgewise.service\n",
        "proc/77/cgroup": "0::/system.slice/edgewise-engine.service\n",
        f"{GROUP}/memory.events": "low 0\nhigh 5\nmax 0\noom 1\noom_kill 1\n",
        f"{engine}/memory.high": f"{2000 * MIB}\n",
        f"{engine}/memory.max": "max\n",
        f"{engine}/memory.current": f"{1900 * MIB}\n",
        f"{engine}/memory.stat": "inactive_file 0\n",
        f"{engine}/memory.pressure": pressure,
        f"{engine}/memory.events": "low 0\nhigh 900\nmax 0\noom 2\noom_kill 2\n",
    }
    plant(tmp_path, files)
    both = look(tree(tmp_path, {}), LIMITS, 77).room
    assert (both.usable, both.total) == (100 * MIB, 2000 * MIB)
    assert (both.some, both.full, both.killed) == (0.3, 0.12, 3)
    alone = look(tree(tmp_path, {}), LIMITS, 0).room
    assert (alone.usable, alone.full, alone.killed) == (4000 * MIB, 0.0, 1)


def test_this_computer_can_be_looked_at() -> None:
    room = look(tree(Path("/"), {}), LIMITS, os.getpid()).room
    assert 0 < room.usable <= room.total
