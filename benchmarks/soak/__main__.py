"""An hour of mixed load and faults against one daemon with the starter model and a real broker on this machine.

    python -m benchmarks.soak [--minutes N] [--out FOLDER] [--encoder FOLDER] [--trace]

Prints what it found, and leaves `report.json`, `samples.jsonl`, `steps.jsonl` and the daemon's log in the folder. The
exit status is 1 when a process grows by more than 1 MiB an hour after the warm-up, when something fails that no fault
explains, or when files, threads or tasks are left open. Memory is judged where 20 minutes or more follow the warm-up,
by the least of each five minutes (by all moments, where those are too few) and without what is kept within a limit:
conversations in the engine, pages of databases and lines of the log in the daemon.
"""

import argparse
import asyncio
import contextlib
import itertools
import sys
import tempfile
import time
from collections.abc import Coroutine
from pathlib import Path

import msgspec

from benchmarks.soak import faults, owner
from benchmarks.soak.book import Book
from benchmarks.soak.people import Browser
from benchmarks.soak.place import PEOPLE, Place, place
from benchmarks.soak.programs import Program
from benchmarks.soak.samples import Sample, sample
from benchmarks.soak.verdict import lines, report
from benchmarks.soak.warming import warm

_PROGRAMS = 3
_INTERVAL = 10.0  # seconds between two samples
_ASKED = 3  # each third of them asks the processes too
_WARM_UP = 1 / 3  # of the whole: until then what has a bound still fills, by the minute less
_QUIET, _APART = 20, 120.0  # how often everything rests at most, and seconds from one rest to the next at least
_REST = 8.0  # seconds: connections that are kept alive are given up after five
_LONGEST = 360.0  # seconds that steps and faults may take to end: without a broker for three minutes, and found again


async def soak(where: Place, seconds: float) -> tuple[Book, list[Sample]]:
    """Keep the device busy for that long; returns what happened."""
    book, samples = Book(), list[Sample]()
    await warm(where)
    async with asyncio.TaskGroup() as group:
        loads = [group.create_task(load) for load in _loads(book, where)]
        loads.append(group.create_task(faults.inject(book, where, seconds)))
        loads.append(group.create_task(_watch(where, samples)))
        book.gate.set()
        began = time.monotonic()
        rests = max(1, min(_QUIET, int(seconds / _APART)))
        for number in range(1, rests + 1):
            await asyncio.sleep(max(0.0, began + number * seconds / rests - time.monotonic()))
            await _rest(book, where, samples)
            print(f"{number}/{rests}", _news(book, samples[-1]), flush=True)
        for task in loads:
            task.cancel()
    return book, samples


def _loads(book: Book, where: Place) -> list[Coroutine[None, None, None]]:
    programs = [Program(book, where, number) for number in range(_PROGRAMS)]
    return [
        *(Browser(book, where, name).run() for name in PEOPLE),
        *(program.run() for program in programs),
        Program(book, where, _PROGRAMS).vectors(),
        owner.commands(book, where),
        owner.jobs(book, where),
        owner.downloads(book, where),
    ]


async def _watch(where: Place, samples: list[Sample]) -> None:
    for number in itertools.count():
        _note(where, samples, await sample(where, inside=number % _ASKED == 0))
        await asyncio.sleep(_INTERVAL)


def _note(where: Place, samples: list[Sample], taken: Sample) -> None:
    samples.append(taken)
    with (where.folder / "samples.jsonl").open("ab") as file:
        file.write(msgspec.json.encode(taken) + b"\n")


async def _rest(book: Book, where: Place, samples: list[Sample]) -> None:
    """Wait until nobody asks anything, and look closely."""
    try:
        async with book.quiet(_LONGEST):
            await asyncio.sleep(_REST)
            _note(where, samples, await sample(where, quiet=True, inside=True))
    except TimeoutError:
        print(f"no rest: {+book.running} go on", flush=True)


def _news(book: Book, last: Sample) -> str:
    _, unexpected = book.errors()
    sizes = " ".join(f"{kind} {process.own:.1f} MiB" for kind, process in last.processes.items())
    return f"{len(book.steps)} steps, {sizes}, unexpected {dict(unexpected)}, {last.processes['daemon'].inside}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--out", type=Path, default=None, help="an empty folder; default: a new one in /tmp")
    parser.add_argument(
        "--encoder", type=Path, default=None, help="an installed all-MiniLM-L6-v2 instead of a tiny one"
    )
    parser.add_argument("--trace", action="store_true", help="note where memory is taken: notes/PID.trace")
    options = parser.parse_args()
    folder = options.out or Path(tempfile.mkdtemp(prefix="soak-"))
    print(f"Everything is in {folder}", flush=True)
    with contextlib.ExitStack() as stack:
        where = stack.enter_context(place(folder, encoder=options.encoder, trace=options.trace))
        book, samples = asyncio.run(soak(where, options.minutes * 60))
    (folder / "steps.jsonl").write_bytes(b"".join(msgspec.json.encode(step) + b"\n" for step in book.steps))
    found = report(book, samples, samples[0].at + options.minutes * 60 * _WARM_UP, folder / "log")
    (folder / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    print("\n".join(lines(found)))
    return 1 if found.failed else 0


if __name__ == "__main__":
    sys.exit(main())
