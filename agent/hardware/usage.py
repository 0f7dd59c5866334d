"""What is used at this moment: processor time, its frequency, the memory of a process."""

import resource
from dataclasses import dataclass

from agent.hardware.tree import Tree, number

_IDLE = (3, 4)  # columns of /proc/stat: idle, and waiting for a disk; see proc_stat(5)
_COUNTED = 8  # columns before those of guests, which are part of the others
_KILO = 1000


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """Time of all CPUs together since the last boot, in ticks of the kernel's clock."""

    busy: int
    total: int

    def share_since(self, before: "CpuTimes | None") -> float | None:
        """Return which share of its time the processor was busy since an earlier look; None when nobody can tell."""
        passed = self.total - before.total if before else 0
        return max(0.0, min(1.0, (self.busy - before.busy) / passed)) if before and passed > 0 else None


def cpu_times(tree: Tree) -> CpuTimes:
    """Return how much time the processor has spent; zeros when that cannot be read."""
    line = next((line for line in tree.lines("proc/stat") if line.startswith("cpu ")), "")
    ticks = [number(text) or 0 for text in line.split()[1 : _COUNTED + 1]]
    idle = sum(ticks[column] for column in _IDLE if column < len(ticks))
    return CpuTimes(sum(ticks) - idle, sum(ticks))


def megahertz(tree: Tree) -> float | None:
    """Return the frequency at which the fastest CPU runs now; None when it cannot be read."""
    paths = tree.glob("sys/devices/system/cpu/cpufreq/policy*")
    frequencies = [tree.number(f"{path}/scaling_cur_freq") for path in paths]
    return max((kilohertz / _KILO for kilohertz in frequencies if kilohertz), default=None)


def resident(tree: Tree, process: int | str) -> int:
    """Return the bytes of memory that a process has, its files in memory included; 0 when there is no such process."""
    fields = tree.text(f"proc/{process}/statm").split()  # total, resident, …: pages, see proc_pid_statm(5)
    return (number(fields[1]) or 0) * resource.getpagesize() if len(fields) > 1 else 0
