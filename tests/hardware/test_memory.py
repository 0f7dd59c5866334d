from pathlib import Path

import pytest

from agent.hardware import memory
from tests.hardware.planting import raspberry_pi, tree

GIB = 1 << 30
GROUP = "sys/fs/cgroup/system.slice/edgewise.service"
MEMINFO = f"MemTotal: {16 << 20} kB\nMemFree: 1 kB\nMemAvailable: {12 << 20} kB\n"
PLAIN = {"proc/meminfo": MEMINFO, "proc/self/cgroup": "0::/system.slice/edgewise.service\n"}


def test_available_memory_is_not_free_memory(tmp_path: Path) -> None:
    found = memory.find(tree(tmp_path, raspberry_pi()))
    assert found.total == 8256448 * 1024
    assert found.available == found.usable == 7200000 * 1024
    assert found.contiguous == 64 << 20
    assert (found.zram, found.swap) == (2097136 * 1024, 0)
    assert found.limit is None


def test_swap_on_disk_and_in_compressed_memory_are_told_apart(tmp_path: Path) -> None:
    swaps = (
        "Filename Type Size Used Priority\n/dev/zram0 partition 1000 0 100\n/swap\\040file file 500 0 -2\n/cut file\n"
    )
    found = memory.find(tree(tmp_path, {"proc/swaps": swaps}))
    assert (found.zram, found.swap) == (1000 * 1024, 500 * 1024)


@pytest.mark.parametrize(
    ("line", "pressure"),
    [("some avg10=12.34 avg60=0.00 avg300=0.00 total=1", 12.34), ("some avg10=", None), ("some avg10=999.0 x", None)],
)
def test_pressure_is_a_percentage(tmp_path: Path, line: str, pressure: float | None) -> None:
    assert memory.find(tree(tmp_path, {"proc/pressure/memory": f"{line}\nfull avg10=1.00 x\n"})).pressure == pressure


def test_the_limit_of_our_group_counts_less_what_cannot_be_reclaimed(tmp_path: Path) -> None:
    files = PLAIN | {
        f"{GROUP}/memory.max": f"{4 * GIB}\n",
        f"{GROUP}/memory.high": "max\n",
        f"{GROUP}/memory.current": f"{3 * GIB}\n",
        f"{GROUP}/memory.stat": f"anon {GIB}\ninactive_file {GIB}\nactive_file {GIB // 2}\nslab_reclaimable 0\n",
    }
    found = memory.find(tree(tmp_path, files))
    assert found.limit == 4 * GIB
    assert found.limit_used == 3 * GIB // 2
    assert found.usable == 5 * GIB // 2


def test_beyond_memory_high_the_kernel_throttles_so_it_is_a_limit(tmp_path: Path) -> None:
    files = PLAIN | {f"{GROUP}/memory.max": f"{4 * GIB}\n", f"{GROUP}/memory.high": f"{3 * GIB}\n"}
    assert memory.find(tree(tmp_path, files)).limit == 3 * GIB


def test_of_several_limits_the_one_that_leaves_least_room_counts(tmp_path: Path) -> None:
    files = PLAIN | {
        f"{GROUP}/memory.max": f"{4 * GIB}\n",
        f"{GROUP}/memory.current": f"{GIB}\n",
        "sys/fs/cgroup/system.slice/memory.max": f"{8 * GIB}\n",
        "sys/fs/cgroup/system.slice/memory.current": f"{7 * GIB}\n",
    }
    found = memory.find(tree(tmp_path, files))
    assert (found.limit, found.usable) == (8 * GIB, GIB)


def test_in_a_container_the_mount_is_our_group_whatever_its_path_is(tmp_path: Path) -> None:
    for path in ("/", "/docker/123", "/../../other"):
        files = {**PLAIN, "proc/self/cgroup": f"0::{path}\n", "sys/fs/cgroup/memory.max": f"{2 * GIB}\n"}
        assert memory.find(tree(tmp_path, files)).limit == 2 * GIB


@pytest.mark.parametrize("limit", ["max", str(16 * GIB), str(64 * GIB), "0", "-1", "9223372036854771712", "junk"])
def test_no_limit_below_all_memory_is_no_limit(tmp_path: Path, limit: str) -> None:
    found = memory.find(tree(tmp_path, PLAIN | {f"{GROUP}/memory.max": limit}))
    assert (found.limit, found.usable) == (None, 12 * GIB)


def test_limits_of_cgroup_v1(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/memory"
    files = {
        "proc/meminfo": MEMINFO,
        "proc/self/cgroup": "5:memory:/docker/9f86\n1:name=systemd:/docker/9f86\n0::/system.slice\n",
        f"{group}/memory.limit_in_bytes": f"{2 * GIB}\n",
        f"{group}/memory.usage_in_bytes": f"{GIB}\n",
        f"{group}/memory.stat": f"inactive_file 1\ntotal_inactive_file {GIB // 4}\ntotal_active_file {GIB // 4}\n",
    }
    found = memory.find(tree(tmp_path, files))
    assert (found.limit, found.limit_used) == (2 * GIB, GIB // 2)
    files[f"{group}/memory.limit_in_bytes"] = "9223372036854771712\n"
    assert memory.find(tree(tmp_path, files)).limit is None


def test_a_group_that_uses_more_than_its_limit_has_nothing_left(tmp_path: Path) -> None:
    files = PLAIN | {f"{GROUP}/memory.max": f"{GIB}\n", f"{GROUP}/memory.current": f"{2 * GIB}\n"}
    assert memory.find(tree(tmp_path, files)).usable == 0


@pytest.mark.parametrize("size", ["-5 kB", "12 MB", "kB", "99999999999999999999 kB", ""])
def test_absurd_sizes_are_no_fact(tmp_path: Path, size: str) -> None:
    found = memory.find(tree(tmp_path, {"proc/meminfo": f"MemTotal: {size}\nMemAvailable: {size}\n"}))
    assert (found.total, found.available) == (0, 0)
