from pathlib import Path

import pytest

from agent.errors import ConfigError
from agent.hardware import probe
from agent.hardware.record import record
from tests.hardware.planting import pci, plant, raspberry_pi

ID = "9f86d081884c7d659a2feaa0c55ad015"


def recorded_text(directory: Path) -> str:
    return "".join(f"{path}\n{path.read_text()}" for path in sorted(directory.rglob("*")) if path.is_file())


def test_a_recording_of_this_computer_has_its_facts(tmp_path: Path) -> None:
    found = record(tmp_path / "new", storage=tmp_path)
    assert probe(tmp_path / "new") == found
    assert found.cpu == probe().cpu
    assert found.board == probe().board
    assert found.storage.total == probe(storage=tmp_path).storage.total


def test_a_recording_of_a_recording_is_the_same(tmp_path: Path) -> None:
    found = record(tmp_path / "first", root=plant(tmp_path / "board", raspberry_pi()))
    record(tmp_path / "second", root=tmp_path / "first")
    assert found == probe(tmp_path / "board") == probe(tmp_path / "first") == probe(tmp_path / "second")


def test_what_was_not_read_is_not_recorded(tmp_path: Path) -> None:
    plant(tmp_path / "board", raspberry_pi() | {"proc/cmdline": "secret", "sys/class/dmi/id/product_serial": "secret"})
    record(tmp_path / "new", root=tmp_path / "board")
    assert "secret" not in recorded_text(tmp_path / "new")


def test_serial_numbers_and_addresses_are_left_out(tmp_path: Path) -> None:
    card = "proc/driver/nvidia/gpus/0000:01:00.0/information"
    files: dict[str, str | bytes] = {
        **raspberry_pi(),
        **pci("0000:01:00.0", 0x10DE, 0x2882, 0x03, "nvidia"),
        card: "Model: \t NVIDIA GeForce RTX 4060\nGPU UUID: \t GPU-9221d5d1\nSerial Number: 77\n",
        "sys/bus/pci/devices/0000:01:00.0/uevent": "DRIVER=nvidia\nNOTE=dc:a6:32:01:02:03\n",
    }
    found = record(tmp_path / "new", root=plant(tmp_path / "board", files))
    text = recorded_text(tmp_path / "new")
    for secret in ("0123456789abcdef", "9221d5d1", "Serial", "dc:a6:32"):
        assert secret not in text
    assert probe(tmp_path / "new") == found
    assert found.accelerators[0].name == "NVIDIA GeForce RTX 4060"


def test_control_groups_lose_their_names_but_not_their_limits(tmp_path: Path) -> None:
    group = f"lxc.payload.my-host/{ID}"
    files: dict[str, str | bytes] = {
        **raspberry_pi(),
        "proc/self/cgroup": f"5:memory:/docker/{ID}\n4:cpu,cpuacct:/\n0::/{group}\n",
        "proc/1/cgroup": f"0::/lxc.payload.my-host\n1:name=systemd:/docker/{ID}\n",
        f"sys/fs/cgroup/memory/docker/{ID}/memory.limit_in_bytes": "1073741824\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "100000\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        f"sys/fs/cgroup/{group}/cpuset.cpus.effective": "0-1\n",
    }
    found = record(tmp_path / "new", root=plant(tmp_path / "board", files))
    text = recorded_text(tmp_path / "new")
    assert "my-host" not in text
    assert ID not in text
    assert probe(tmp_path / "new") == found
    assert (found.memory.limit, found.cpu.quota, found.cpu.cores, found.board.container) == (1 << 30, 1.0, 2, True)


def test_things_that_need_only_be_there_are_recorded_as_empty_files(tmp_path: Path) -> None:
    files = raspberry_pi() | {"dev/hailo0": "", ".dockerenv": "", "sys/class/devfreq/fdab0000.npu/load": "0@0Hz"}
    files["proc/device-tree/compatible"] = b"xunlong,orangepi-5\0rockchip,rk3588s\0"
    found = record(tmp_path / "new", root=plant(tmp_path / "board", files))
    assert (tmp_path / "new" / "dev" / "hailo0").read_bytes() == b""
    assert {accelerator.driver for accelerator in found.accelerators} == {"", "rknpu"}
    assert probe(tmp_path / "new") == found


def test_refuses_a_directory_that_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(ConfigError, match="not empty"):
        record(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_place_that_cannot_be_written_is_an_error_for_people(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="Cannot record"):
        record(tmp_path / "file" / "new")
