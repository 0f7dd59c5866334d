"""Looks at the processes and files of a device: every few seconds from outside, now and then from inside."""

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import msgspec

from benchmarks.footprint import cpu_seconds
from benchmarks.soak.place import Place, children
from benchmarks.soak.trend import Point

_MEMORY = re.compile(r"^(RssAnon|Threads):\s+(\d+)", re.MULTILINE)
_PSS = re.compile(r"^Pss:\s+(\d+)", re.MULTILINE)
_MIB = 1 << 20
_PATIENCE = 5.0  # seconds for a note

Inside: TypeAlias = dict[str, float | dict[str, int]]


class Process(msgspec.Struct, frozen=True):
    """One process at one moment; memory in MiB.

    Attributes:
        own: memory that is no file and belongs to nobody else (RssAnon).
        pss: with its share of files that others have mapped too.
        inside: what it says of itself; empty where it was not asked.
    """

    pid: int
    own: float
    pss: float
    files: int
    threads: int
    cpu: float
    inside: Inside = {}

    @property
    def rest(self) -> float | None:
        """`own` without what is kept within a limit; None where it was not asked."""
        kept = self.inside.get("kept")
        return self.own - kept if isinstance(kept, int | float) else None


class Sample(msgspec.Struct, frozen=True):
    """One moment.

    Attributes:
        at: by the monotonic clock, seconds.
        quiet: whether nobody asked anything.
        processes: `daemon`, `engine`, `embeddings`.
        disk: MiB of the state directory, by part.
    """

    at: float
    quiet: bool
    processes: dict[str, Process]
    disk: dict[str, float]


async def sample(place: Place, *, quiet: bool = False, inside: bool = False) -> Sample:
    """Look at everything; `inside`: ask the processes too."""
    pids = {"daemon": place.pid, **children(place.pid)}
    notes = {what: await _note(place, pid) if inside else {} for what, pid in pids.items()}
    processes = {}
    for what, pid in pids.items():
        try:
            processes[what] = _process(pid, notes[what])
        except OSError:
            continue  # it has ended meanwhile
    return Sample(time.monotonic(), quiet, processes, dict(_disk(place.state)))


def _process(pid: int, inside: Inside) -> Process:
    status = dict(_MEMORY.findall(Path(f"/proc/{pid}/status").read_text()))
    pss = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
    return Process(
        pid,
        int(status.get("RssAnon", 0)) / 1024,
        int(pss[1]) / 1024 if pss else 0.0,
        sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
        int(status.get("Threads", 0)),
        cpu_seconds(pid),
        inside,
    )


async def _note(place: Place, pid: int) -> Inside:
    """Have a process write its note, and return that; nothing from one that is not yet or no longer there."""
    path = place.folder / "notes" / f"{pid}.json"
    path.unlink(missing_ok=True)
    end = time.monotonic() + _PATIENCE
    try:
        if _catches(pid):
            os.kill(pid, signal.SIGUSR2)
            while time.monotonic() < end:
                if path.exists():
                    found: Inside = json.loads(path.read_text())
                    return found
                await asyncio.sleep(0.02)
    except OSError:
        pass
    return {}


def _catches(pid: int) -> bool:
    """Tell whether a process has a handler for the signal, which would end it otherwise."""
    found = re.search(r"^SigCgt:\s+(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return found is not None and bool(int(found[1], 16) >> (signal.SIGUSR2 - 1) & 1)


def _disk(state: Path) -> Iterator[tuple[str, float]]:
    for path in sorted(state.iterdir()):
        files = [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
        total = 0
        for file in files:
            try:
                total += file.stat().st_blocks * 512
            except OSError:
                continue
        yield path.name, total / _MIB


def runs(samples: list[Sample], what: str, figure: str) -> list[list[Point]]:
    """Return a figure of a kind of process over time, a series for each process, without moments that lack it."""
    found: dict[int, list[Point]] = {}
    for each in samples:
        process = each.processes.get(what)
        if process is not None and (value := getattr(process, figure)) is not None:
            found.setdefault(process.pid, []).append((each.at, float(value)))
    return list(found.values())
