import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.hardware import probe
from agent.hardware.facts import Hardware
from tests.hardware.planting import CPU, pci, plant, raspberry_pi, x86_cpuinfo

GROUP = "sys/fs/cgroup/user.slice"
CARD = "sys/class/drm/card0/device"
TREE: dict[str, str | bytes] = raspberry_pi() | {
    "etc/nv_tegra_release": "# R36 (release), REVISION: 4.3, GCID: 1\n",
    "proc/pressure/memory": "some avg10=1.00 avg60=0.00 avg300=0.00 total=0\n",
    "proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19\n",
    "proc/driver/nvidia/gpus/0000:01:00.0/information": "Model: \t NVIDIA GeForce RTX 4060\nGPU UUID: GPU-1\n",
    "proc/1/cgroup": "0::/init.scope\n",
    "sys/class/dmi/id/sys_vendor": "AZW\n",
    "sys/class/dmi/id/product_name": "EQ12\n",
    "sys/devices/cpu_core/cpus": "0-1\n",
    "sys/module/rknpu/version": "0.9.8\n",
    "edgewise/affinity": "0-3\n",
    f"{GROUP}/memory.max": "4294967296\n",
    f"{GROUP}/memory.current": "1073741824\n",
    f"{GROUP}/memory.stat": "inactive_file 1\n",
    f"{GROUP}/cpu.max": "200000 100000\n",
    f"{GROUP}/cpuset.cpus.effective": "0-3\n",
    f"{CPU}/cpu0/cpu_capacity": "1024\n",
    f"{CPU}/cpu0/topology/thread_siblings_list": "0\n",
    f"{CPU}/cpu0/cache/index2/level": "2\n",
    f"{CPU}/cpu0/cache/index2/size": "512K\n",
    f"{CPU}/cpu0/cache/index2/shared_cpu_list": "0\n",
    **pci("0000:01:00.0", 0x10DE, 0x2882, 0x03, "nvidia"),
    "sys/bus/pci/devices/0000:01:00.0/resource": "0x0 0x1ffffffff 0x14220c\n",
    **pci("0000:02:00.0", 0x1E60, 0x45C4, 0x0B, "hailo1x"),
    f"{CARD}/vendor": "0x1002\n",
    f"{CARD}/device": "0x744c\n",
    f"{CARD}/uevent": "DRIVER=amdgpu\nPCI_SLOT_NAME=0000:03:00.0\n",
    f"{CARD}/mem_info_vram_total": "25753026560\n",
    "sys/class/accel/accel0/device/vendor": "0x8086\n",
    "sys/class/accel/accel0/device/device": "0x7d1d\n",
    "sys/class/accel/accel0/device/uevent": "DRIVER=intel_vpu\n",
}  # fmt: skip


def encoded(hardware: Hardware) -> Hardware:
    """Return what comes back from JSON; nothing that cannot be sent may be in the facts."""
    return msgspec.json.decode(msgspec.json.encode(hardware), type=Hardware)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plant(tmp_path_factory.mktemp("tree"), TREE)


def test_everything_in_the_tree_is_found(planted: Path) -> None:
    found = probe(planted)
    assert found.board.model == "Raspberry Pi 5 Model B Rev 1.0"
    assert found.board.jetpack == "6.2"
    assert found.memory.limit == 4 << 30
    assert found.storage.kind == "sd-card"
    assert {accelerator.vendor for accelerator in found.accelerators} == {"nvidia", "hailo", "amd", "intel"}
    assert encoded(found) == found


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(sorted(TREE)), content=st.binary(max_size=300))
def test_random_bytes_in_any_file_never_crash(planted: Path, path: str, content: bytes) -> None:
    original = TREE[path]
    try:
        (planted / path).write_bytes(content)
        found = probe(planted)
    finally:
        (planted / path).write_bytes(original if isinstance(original, bytes) else original.encode())
    assert encoded(found) == found
    assert 0 <= found.memory.usable <= found.memory.total
    assert found.cpu.cores >= 0
    assert found.cpu.big_cores >= 1


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_that_ends_early_or_holds_absurd_numbers_never_crashes(planted: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(TREE)))
    value = TREE[path]
    original = value if isinstance(value, bytes) else value.encode()
    absurd = data.draw(st.sampled_from([b"-1", b"0", b"9" * 30, b"99999999999", b"0x", b"-", b"1e9"]))
    cut = original[: data.draw(st.integers(0, len(original)))]
    try:
        (planted / path).write_bytes(data.draw(st.sampled_from([cut, absurd, cut + absurd])))
        found = probe(planted)
    finally:
        (planted / path).write_bytes(original)
    assert encoded(found) == found
    assert 0 <= found.memory.usable <= found.memory.total


@pytest.mark.parametrize("path", sorted(TREE))
def test_a_directory_in_the_place_of_any_file_is_a_missing_fact(tmp_path: Path, path: str) -> None:
    plant(tmp_path, {name: content for name, content in TREE.items() if name != path})
    (tmp_path / path).mkdir(parents=True)
    found = probe(tmp_path)
    assert encoded(found) == found


def test_an_empty_tree_has_no_facts(tmp_path: Path) -> None:
    found = probe(tmp_path)
    assert found.board.model == found.board.kernel == found.cpu.architecture == ""
    assert found.cpu.cores == found.memory.total == found.storage.total == 0
    assert found.accelerators == []


def test_nothing_of_this_computer_gets_into_a_recorded_tree(tmp_path: Path) -> None:
    plant(tmp_path, {"proc/cpuinfo": x86_cpuinfo(64)})
    for name in ("sys", "etc", "dev", "proc/self"):
        (tmp_path / name).symlink_to(f"/{name}")
    found = probe(tmp_path, storage=Path("/"))
    assert found.cpu.cores == 64
    assert found.board.system == found.board.kernel == ""
    assert found.storage.total == 0


def test_this_computer_has_the_facts_that_every_computer_has() -> None:
    found = probe(storage=Path.home() / "not" / "there" / "yet")
    assert found.board.kernel == os.uname().release
    assert found.cpu.cores == len(os.sched_getaffinity(0))
    assert 0 < found.memory.usable <= found.memory.total
    assert found.storage.total > found.storage.free > 0


@pytest.mark.skipif(os.getuid() == 0, reason="root can read everything")
def test_an_unreadable_file_is_a_missing_fact(tmp_path: Path) -> None:
    plant(tmp_path, TREE)
    (tmp_path / "proc/meminfo").chmod(0)
    assert probe(tmp_path).memory.total == 0
