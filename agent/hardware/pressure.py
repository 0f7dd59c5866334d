"""Pressure: which share of the time tasks had to wait for the processor, for memory or for the disk."""

import re
from dataclasses import dataclass

from agent.hardware.tree import Tree

_LINE = re.compile(r"(some|full) avg10=([0-9]{1,3}\.[0-9]+) avg60=([0-9]{1,3}\.[0-9]+) ")


@dataclass(frozen=True, slots=True)
class Stall:
    """How much one resource is fought for, as shares of time, 0 to 1.

    Attributes:
        some: of the last 10 s, in which at least one task waited.
        some_minute: of the last minute.
        full: of the last 10 s, in which all tasks waited and nothing was done; 0 for the processor.
        full_minute: of the last minute.
    """

    some: float
    some_minute: float
    full: float
    full_minute: float


@dataclass(frozen=True, slots=True)
class Pressure:
    """What the kernel accounts (https://docs.kernel.org/accounting/psi.html); None where it does not."""

    cpu: Stall | None = None
    memory: Stall | None = None
    io: Stall | None = None


NO_PRESSURE = Pressure()
"""What is known where the kernel accounts none."""


def find(tree: Tree) -> Pressure:
    """Return the pressure now. Some kernels, such as that of Raspberry Pi OS, account it only when told `psi=1`."""
    cpu, memory, io = (stall(tree, f"proc/pressure/{name}") for name in ("cpu", "memory", "io"))
    return Pressure(cpu, memory, io)


def stall(tree: Tree, path: str) -> Stall | None:
    """Return what a file of the kernel says: of the whole computer, or of a control group; None without one."""
    found = [_LINE.match(line) for line in tree.lines(path)]
    shares = {match[1]: (float(match[2]) / 100, float(match[3]) / 100) for match in found if match}
    if "some" not in shares or max(max(pair) for pair in shares.values()) > 1:
        return None
    return Stall(*shares["some"], *shares.get("full", (0.0, 0.0)))
