"""Runs inside the processes of a soak, which have this folder in PYTHONPATH: what only they know of themselves.

On SIGUSR2 a process writes `PID.json` into the folder SOAK_NOTES: its asyncio tasks, what malloc has given out, how
many blocks Python has, the number of objects that the garbage collector looks after, and the size of what is kept
within a limit: conversations in an engine, pages of databases and lines of the log in the daemon. With SOAK_TRACE=1 it
writes `PID.trace` too: where in Python the memory was taken that has been added since the last time.
"""

import asyncio
import ctypes
import gc
import json
import os
import signal
import sys
import tracemalloc
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

_TOP = 40
_MIB = 1 << 20


class _Mallinfo(ctypes.Structure):
    """What glibc says of its heap: struct mallinfo2 in malloc.h."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"
        )
    ]  # fmt: skip


class _Notes:
    """Writes them; remembers the last look at the memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._before: tracemalloc.Snapshot | None = None

    def write(self, _number: int, _frame: FrameType | None) -> None:
        tasks = _tasks()
        objects = gc.get_objects()
        kept = (sum(map(_kept, objects)) + _sqlite()) / _MIB
        note = {"tasks": tasks.total(), "names": dict(tasks), "objects": len(objects), "kept": kept, **_heap()}
        note["blocks"] = sys.getallocatedblocks()
        note["kinds"] = dict(Counter(type(each).__qualname__ for each in objects).most_common(_TOP))
        del objects
        fresh = self._folder / f"{os.getpid()}.new"
        fresh.write_text(json.dumps(note))
        fresh.replace(self._folder / f"{os.getpid()}.json")
        if tracemalloc.is_tracing():
            self._trace()

    def _trace(self) -> None:
        now = tracemalloc.take_snapshot()
        kinds = Counter(type(each).__qualname__ for each in gc.get_objects()).most_common(_TOP)
        lines = [f"{kind} {count}" for kind, count in kinds]
        if self._before is not None:
            lines += [str(row) for row in now.compare_to(self._before, "lineno")[:_TOP]]
        self._before = self._before or now
        with (self._folder / f"{os.getpid()}.trace").open("a") as file:
            file.write("\n".join(lines) + "\n\n")


def _tasks() -> Counter[str]:
    """Return how many tasks there are, by what they run."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return Counter()
    found: Counter[str] = Counter()
    for task in asyncio.all_tasks(loop):
        coroutine: Any = task.get_coro()
        found[getattr(coroutine, "__qualname__", "task")] += 1
    return found


def _kept(thing: Any) -> int:  # noqa: ANN401 - whatever there is
    """Return the bytes of an engine's conversations or of the latest lines of the log, 0 for anything else."""
    match f"{type(thing).__module__}.{type(thing).__qualname__}":
        case "agent.batching.archive.Archive":
            return int(thing.size)
        case "agent.ring.Ring":
            return sum(map(len, thing))
    return 0


def _sqlite() -> int:
    """Return the bytes that SQLite has taken, nearly all for pages; 0 where there is none."""
    if "sqlite3" not in sys.modules:
        return 0
    used = ctypes.CDLL("libsqlite3.so.0").sqlite3_memory_used  # the one that is loaded
    used.restype = ctypes.c_int64
    return int(used())


def _heap() -> dict[str, float]:
    """Return the MiB that malloc has in use, and those that it keeps without use."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _Mallinfo
    found = mallinfo()
    return {"used": (found.uordblks + found.hblkhd) / _MIB, "free": found.fordblks / _MIB}


if "SOAK_NOTES" in os.environ and "agent" in " ".join(sys.orig_argv):
    if os.environ.get("SOAK_TRACE") == "1":
        tracemalloc.start(1)
    signal.signal(signal.SIGUSR2, _Notes(Path(os.environ["SOAK_NOTES"])).write)
