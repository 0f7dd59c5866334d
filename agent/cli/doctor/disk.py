"""The disk: whether it can be written, how much is free, how worn it is."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from agent.cli.doctor.case import Case
from agent.cli.doctor.finding import Finding, bad, ok, warn
from agent.hardware import disk, storage
from agent.hardware.tree import Tree
from agent.units import format_bytes
from agent.upkeep.wear import LATE, Wear

_LEAST = 1 << 30  # bytes; a small model and its download need about this


def look(case: Case) -> Iterator[Finding]:
    """Yield what there is to say of the disk with the state directory."""
    directory = case.config.state_dir
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not os.access(existing, os.W_OK):
        advice = "choose another --state-dir, change its owner, or look whether the disk has become read-only: `mount`"
        yield bad(
            "not-writable", f"{directory} cannot be written", advice, public="the state directory cannot be written"
        )
    yield from _room(directory, existing)
    tree = Tree(case.root)
    kind, _ = storage.device(tree, str(existing.resolve()))
    if kind == "memory":
        what = f"{directory} is in memory: all of it is lost when the computer is switched off"
        yield warn("in-memory", what, "name a place on a disk with --state-dir")
    yield from _wear(tree, kind, Wear(directory / "wear.json"))


def _room(directory: Path, existing: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(existing).free
    if free < _LEAST:
        advice = "remove models with `edgewise models rm`, or use another disk with --state-dir"
        yield bad("disk-full", f"state in {directory}, only {format_bytes(free)} free", advice)
    else:
        yield ok(f"state in {directory}, {format_bytes(free)} free")


def _wear(tree: Tree, kind: str, counted: Wear) -> Iterator[Finding]:
    worn, yearly = disk.worn(tree), counted.yearly()
    if yearly is not None:
        yield ok(f"at this rate Edgewise writes {format_bytes(yearly)} to it in a year")
    if worn is None:
        if kind == "sd-card":
            yield ok("an SD card does not say how worn it is")
        return
    years = counted.years_left()
    left = f", and lasts {years:.0f} years more at least" if years is not None and years >= 1 else ""
    words = f"the built-in flash memory has {worn:.0%} of its life behind it{left}"
    if worn < LATE:
        yield ok(words)
    else:
        yield warn("disk-worn", words, "keep a backup elsewhere, and replace it before it fails")
