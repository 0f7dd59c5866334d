"""Which logical CPUs this process may use, and how they are grouped: kinds of cores, threads, caches."""

import os
from collections.abc import Collection
from dataclasses import dataclass, replace

from agent.hardware import cgroup
from agent.hardware.arm_cores import EFFICIENT
from agent.hardware.cpuinfo import CpuInfo
from agent.hardware.facts import Cluster
from agent.hardware.tree import Tree, number

AFFINITY = "edgewise/affinity"  # in a recorded tree: the CPUs on which the recording process might run
_CPUS = "sys/devices/system/cpu"
_MOST_CPUS = 8192
# Cores of one name belong together unless the clock of some is lower than this part of the fastest one's: boards bin
# their clusters some per cent apart (RK3588: 2.35 and 2.30 GHz), while efficient cores run far below.
_SAME_SPEED = 0.8
_P_CORE, _E_CORE = "P-core", "E-core"
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def cpu_list(text: str) -> frozenset[int]:
    """Return the numbers in `0-3,8` or `0 1 2 3`; none at all when something in it is absurd."""
    numbers: set[int] = set()
    for part in text.replace(",", " ").split():
        first, dash, last = part.partition("-")
        low, high = number(first), number(last if dash else first)
        if low is None or high is None or not low <= high < _MOST_CPUS:
            return frozenset()
        numbers.update(range(low, high + 1))
    return frozenset(numbers)


def usable_cpus(tree: Tree, info: CpuInfo) -> list[int]:
    """Return the CPUs that are online, in our control group's set and in our affinity."""
    cpus = cpu_list(tree.text(f"{_CPUS}/online")) or frozenset(info.processors)
    for allowed in (_cpuset(tree), affinity(tree)):
        cpus = cpus & allowed or cpus  # disjoint: one of the files is wrong, and we do run somewhere
    return sorted(cpus)


def affinity(tree: Tree) -> frozenset[int]:
    """Return the CPUs on which this process may run, or on which the one ran that made a recording."""
    return frozenset(os.sched_getaffinity(0)) if tree.live else cpu_list(tree.text(AFFINITY))


def _cpuset(tree: Tree) -> frozenset[int]:
    groups, old = cgroup.ancestors(tree, "cpuset")
    names = ("cpuset.effective_cpus", "cpuset.cpus") if old else ("cpuset.cpus.effective",)
    paths = (f"{group}/{name}" for group in groups for name in names)
    return next((cpus for path in paths if (cpus := cpu_list(tree.text(path)))), frozenset())


@dataclass(frozen=True)
class Core:
    """One logical CPU: its kind, the kind's name, highest frequency and the kernel's measure of its speed."""

    cpu: int
    kind: str
    name: str
    megahertz: int
    capacity: int


def clusters(tree: Tree, info: CpuInfo, cpus: Collection[int]) -> list[list[Core]]:
    """Return the cores in groups of one kind and about one speed, fastest first."""
    groups: list[list[Core]] = []
    for core in sorted(_cores(tree, info, cpus), key=_slowness):
        group = next((group for group in groups if _alike(group[0], core)), None)
        if group is None:
            groups.append([core])
        else:
            group.append(core)
    return groups


def cluster(cores: list[Core]) -> Cluster:
    """Return the facts about a group; its first core is its fastest."""
    return Cluster(len(cores), cores[0].name, cores[0].megahertz, cores[0].capacity)


def _slowness(core: Core) -> tuple[int, bool, int, int]:
    return -core.capacity, core.name in {*EFFICIENT, _E_CORE}, -core.megahertz, core.cpu


def _alike(fastest: Core, core: Core) -> bool:
    return fastest.kind == core.kind and core.megahertz >= _SAME_SPEED * fastest.megahertz


def _cores(tree: Tree, info: CpuInfo, cpus: Collection[int]) -> list[Core]:
    cores = {}
    for cpu in cpus:
        processor = info.processors.get(cpu)
        capacity = tree.number(f"{_CPUS}/cpu{cpu}/cpu_capacity") or 0
        kind, name = (processor.core, processor.name) if processor else ("", "")
        cores[cpu] = Core(cpu, kind, name, 0, capacity if capacity <= 1024 else 0)  # noqa: PLR2004 - the kernel's scale
    for policy in tree.glob(f"{_CPUS}/cpufreq/policy*"):
        megahertz = (tree.number(f"{policy}/cpuinfo_max_freq") or 0) // 1000
        for cpu in cpu_list(tree.text(f"{policy}/related_cpus")) & cores.keys():
            cores[cpu] = replace(cores[cpu], megahertz=megahertz if megahertz < 20_000 else 0)  # noqa: PLR2004 - absurd
    for path, name in (("sys/devices/cpu_core/cpus", _P_CORE), ("sys/devices/cpu_atom/cpus", _E_CORE)):
        for cpu in cpu_list(tree.text(path)) & cores.keys():
            cores[cpu] = replace(cores[cpu], kind=name, name=name)
    return list(cores.values())


def threads_per_core(tree: Tree, cpus: Collection[int]) -> int:
    """Return how many of these logical CPUs share a core, at most."""
    seen: set[int] = set()
    most = 1
    for cpu in cpus:
        if cpu not in seen:
            topology = f"{_CPUS}/cpu{cpu}/topology"
            names = ("thread_siblings_list", "core_cpus_list")
            shared = next(
                (found for name in names if (found := cpu_list(tree.text(f"{topology}/{name}")))), frozenset()
            )
            seen |= shared
            most = max(most, len(shared & frozenset(cpus)))
    return most


def cache_bytes(tree: Tree, cpus: Collection[int]) -> dict[int, int]:
    """Return the bytes of the caches of these CPUs by level, each shared cache counted once."""
    seen: set[tuple[str, int]] = set()
    sizes: dict[int, int] = {}
    for path in (path for cpu in cpus for path in tree.glob(f"{_CPUS}/cpu{cpu}/cache/index[0-9]")):
        index, cpu = path.rpartition("/")[2], int(path.split("/")[4].removeprefix("cpu"))
        level = tree.number(f"{path}/level")
        if (index, cpu) in seen or level is None or level < 2:  # noqa: PLR2004 - nobody asks for level 1
            continue
        shared = cpu_list(tree.text(f"{path}/shared_cpu_list"))
        seen |= {(index, other) for other in shared}
        sizes[level] = sizes.get(level, 0) + _size(tree.text(f"{path}/size"))
    return sizes


def _size(text: str) -> int:
    return (number(text[:-1]) or 0) * _UNITS.get(text[-1:], 0)
