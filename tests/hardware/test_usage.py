"""Processor time, frequency and memory of processes, from recorded files."""

import os
from pathlib import Path

from agent.hardware.tree import Tree
from agent.hardware.usage import CpuTimes, cpu_times, megahertz, resident


def plant(root: Path, path: str, text: str) -> None:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def test_guests_are_not_counted_twice_and_waiting_for_a_disk_is_idle(tmp_path: Path) -> None:
    plant(tmp_path, "proc/stat", "cpu  100 20 30 700 50 0 10 0 90 5\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
    assert cpu_times(Tree(tmp_path)) == CpuTimes(busy=160, total=910)


def test_the_share_is_that_of_the_time_between_two_looks() -> None:
    assert CpuTimes(150, 1100).share_since(CpuTimes(100, 1000)) == 0.5
    assert CpuTimes(150, 1100).share_since(None) is None
    assert CpuTimes(100, 1000).share_since(CpuTimes(100, 1000)) is None


def test_a_kernel_that_counts_back_gives_no_nonsense() -> None:
    assert CpuTimes(90, 1100).share_since(CpuTimes(100, 1000)) == 0.0


def test_the_frequency_is_that_of_the_fastest_cluster(tmp_path: Path) -> None:
    for policy, speed in ((0, 1_800_000), (4, 2_400_000)):
        plant(tmp_path, f"sys/devices/system/cpu/cpufreq/policy{policy}/scaling_cur_freq", f"{speed}\n")
    assert megahertz(Tree(tmp_path)) == 2400


def test_what_cannot_be_read_is_not_known(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    assert (cpu_times(tree), megahertz(tree), resident(tree, 1)) == (CpuTimes(0, 0), None, 0)


def test_the_memory_of_this_process_is_known() -> None:
    tree = Tree(Path("/"))
    assert resident(tree, "self") == resident(tree, os.getpid()) > 1 << 20
