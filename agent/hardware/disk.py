"""Disks as they are used: what is free, what a process has written, and how worn built-in flash memory is."""

import os
from pathlib import Path

from agent.hardware.tree import Tree, number

_TENTH = 0.1
_OVER = 11  # "has exceeded its estimated life time"; JESD84-B51, DEVICE_LIFE_TIME_EST_TYP_A and _B


def free(directory: Path) -> int | None:
    """Return the bytes that this user may still write below a directory; None when that is not known."""
    try:
        size = os.statvfs(directory)
    except OSError:
        return None
    return size.f_bavail * size.f_frsize


def written(tree: Tree, process: int | str) -> int | None:
    """Return the bytes that a process has sent to disks, see proc_pid_io(5); None when it is not ours or gone."""
    return number(tree.table(f"proc/{process}/io", ":").get("write_bytes", ""))


def worn(tree: Tree) -> float | None:
    """Return which share of its life the most worn eMMC has behind it, in tenths rounded up; None: there is no eMMC."""
    lives = [tree.text(path).split() for path in tree.glob("sys/block/mmcblk*/device/life_time")]
    tenths = [number(text, base=16) for texts in lives for text in texts]
    return max((min(1.0, tenth * _TENTH) for tenth in tenths if tenth and tenth <= _OVER), default=None)
