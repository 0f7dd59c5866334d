from pathlib import Path

import msgspec

from agent.hardware import probe
from agent.hardware.facts import Hardware
from tests.cli.running import edgewise
from tests.hardware.planting import plant, raspberry_pi, x86_cpuinfo


def test_says_what_this_computer_is(tmp_path: Path) -> None:
    done = edgewise(tmp_path, "probe")
    assert done.returncode == 0
    assert done.stderr == ""
    labels = {line.split(" ")[0] for line in done.stdout.splitlines()}
    assert {"board", "cpu", "memory", "storage", "provider"} <= labels


def test_says_what_a_recorded_board_is_and_what_to_do_about_it(tmp_path: Path) -> None:
    plant(tmp_path / "board", raspberry_pi())
    done = edgewise(tmp_path, "probe", "--root", str(tmp_path / "board"))
    assert done.stdout.splitlines() == [
        "board      Raspberry Pi 5 Model B Rev 1.0",
        "system     Debian GNU/Linux 12 (bookworm), Linux 6.6.31+rpt-rpi-2712",
        "cpu        4 x Cortex-A76 at 2.4 GHz, aarch64",
        "           fp16 dotprod",
        "memory     7.9 GiB, 6.9 GiB available",
        "swap       2.0 GiB compressed (zram)",
        "heat       55 °C (cpu-thermal, limit 110 °C)",
        "throttled  under-voltage (use a better power supply)",
        "earlier    since the last boot: throttled (cool it)",
        "storage    sd-card mmcblk0, 46.6 GiB of 57.7 GiB free",
    ]


def test_says_what_a_control_group_allows(tmp_path: Path) -> None:
    files = {
        "proc/cpuinfo": x86_cpuinfo(8, model="AMD EPYC"),
        "proc/meminfo": "MemTotal: 16777216 kB\nMemAvailable: 16000000 kB\n",
        "sys/fs/cgroup/memory.max": f"{4 << 30}\n",
        "sys/fs/cgroup/memory.current": f"{1 << 30}\n",
        "sys/fs/cgroup/cpu.max": "250000 100000\n",
        ".dockerenv": "",
    }
    done = edgewise(tmp_path, "probe", "--root", str(plant(tmp_path / "board", files)))
    assert "unknown board (inside a container)" in done.stdout
    assert "AMD EPYC, 8 CPUs, x86_64" in done.stdout
    assert "the time of 2.5 CPUs" in done.stdout
    assert "allows 4.0 GiB: 3.0 GiB can still be used" in done.stdout


def test_json_holds_all_facts_in_their_order(tmp_path: Path) -> None:
    plant(tmp_path / "board", raspberry_pi())
    done = edgewise(tmp_path, "probe", "--root", str(tmp_path / "board"), "--json")
    assert msgspec.json.decode(done.stdout, type=Hardware) == probe(tmp_path / "board")
    assert list(msgspec.json.decode(done.stdout)) == [*Hardware.__struct_fields__, "providers"]


def test_an_empty_directory_is_an_unknown_board(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = edgewise(tmp_path, "probe", "--root", str(tmp_path / "empty"))
    assert done.returncode == 0
    assert "unknown board" in done.stdout


def test_records_this_computer(tmp_path: Path) -> None:
    done = edgewise(tmp_path, "probe", "--record", str(tmp_path / "new"), "--json")
    assert done.returncode == 0
    assert msgspec.json.decode(done.stdout, type=Hardware) == probe(tmp_path / "new")


def test_a_root_that_is_not_there_is_an_error_with_a_hint(tmp_path: Path) -> None:
    done = edgewise(tmp_path, "probe", "--root", str(tmp_path / "none"))
    assert done.returncode == 2
    assert "There is no directory" in done.stderr
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr


def test_does_not_record_over_something(tmp_path: Path) -> None:
    plant(tmp_path / "mine", {"file": "mine"})
    done = edgewise(tmp_path, "probe", "--record", str(tmp_path / "mine"))
    assert done.returncode == 2
    assert "not empty" in done.stderr


def test_reading_is_measured_when_asked_for(tmp_path: Path, starter: Path) -> None:
    state = ["--state-dir", str(tmp_path / "state")]
    refused = edgewise(tmp_path, "probe", "--measure", *state)
    assert refused.returncode == 2
    assert "edgewise models pull" in refused.stderr
    assert edgewise(tmp_path, "models", "pull", str(starter), *state).returncode == 0
    hardware = msgspec.json.decode(edgewise(tmp_path, "probe", "--measure", "--json", *state).stdout)
    assert hardware["storage"]["read_rate"] > 1e6
