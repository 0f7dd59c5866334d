"""Main memory: what there is, what is available, and what the control group leaves of it."""

import re
from dataclasses import dataclass

from agent.hardware import cgroup
from agent.hardware.facts import Memory
from agent.hardware.tree import Tree, number

_KIB = 1024
_PRESSURE = re.compile(r"some avg10=(\d{1,3}(?:\.\d{1,2})?) ")
# What the kernel itself takes for available in MemAvailable (mm/page_alloc.c, si_mem_available): both lists of file
# pages. Active ones too: a model that was downloaded and then hashed has been read twice, so its pages are "active",
# and yet they are dropped as soon as somebody needs the room.
_RECLAIMABLE = ("inactive_file", "active_file", "slab_reclaimable")
_RECLAIMABLE_V1 = ("total_inactive_file", "total_active_file")


@dataclass(frozen=True)
class _Limit:
    limit: int
    used: int

    @property
    def room(self) -> int:
        return self.limit - self.used


def find(tree: Tree, process: int | str = "self") -> Memory:
    """Return the facts about main memory, for one process; of several limits the one that leaves the least room."""
    sizes = {key: _kib(value) for key, value in tree.table("proc/meminfo", ":").items()}
    total = sizes.get("MemTotal", 0)
    limits = [limit for limit in _limits(tree, process) if not total or limit.limit < total]
    tightest = min(limits, key=lambda limit: limit.room, default=None)
    plain, compressed = _swap(tree)
    return Memory(
        total=total,
        available=min(sizes.get("MemAvailable", 0), total),
        limit=tightest.limit if tightest else None,
        limit_used=tightest.used if tightest else 0,
        swap=plain,
        zram=compressed,
        pressure=_pressure(tree),
        contiguous=min(sizes.get("CmaTotal", 0), total),
    )


def _kib(value: str) -> int:
    """Return the bytes that `4194304 kB` means, 0 if it means none."""
    digits, _, unit = value.partition(" ")
    return (number(digits) or 0) * _KIB if unit == "kB" else 0


def _limits(tree: Tree, process: int | str) -> list[_Limit]:
    """Return the limits of its group and those above it, nearest first.

    `memory.high` counts as well: beyond it nothing is killed, but the kernel holds every allocation up.
    """
    groups, old = cgroup.ancestors(tree, "memory", process)
    names = ("memory.limit_in_bytes",) if old else ("memory.max", "memory.high")
    found = []
    for group in groups:
        limits = [limit for name in names if (limit := tree.number(f"{group}/{name}"))]  # None: "max", no limit
        if limits:
            found.append(_Limit(min(limits), _used(tree, group, old=old)))
    return found


def _used(tree: Tree, group: str, *, old: bool) -> int:
    counted = tree.number(f"{group}/{'memory.usage_in_bytes' if old else 'memory.current'}") or 0
    stat = tree.table(f"{group}/memory.stat", " ")
    return max(0, counted - sum(number(stat.get(key, "")) or 0 for key in (_RECLAIMABLE_V1 if old else _RECLAIMABLE)))


def _swap(tree: Tree) -> tuple[int, int]:
    """Return the bytes of swap that is on a device or in a file, and of swap that is compressed memory."""
    plain = compressed = 0
    for line in tree.lines("proc/swaps")[1:]:
        name, _, rest = line.partition(" ")
        size = (number("".join(rest.split()[1:2])) or 0) * _KIB  # file name, type, size, …: see proc_swaps(5)
        if "/zram" in name:
            compressed += size
        else:
            plain += size
    return plain, compressed


def _pressure(tree: Tree) -> float | None:
    for line in tree.lines("proc/pressure/memory"):
        if (found := _PRESSURE.match(line)) and float(found[1]) <= 100:  # noqa: PLR2004 - per cent
            return float(found[1])
    return None
