"""Blocking reads, writes and hashing, moved off the event loop."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, ParamSpec, TypeVar

from agent.models.files import FetchedFile
from agent.models.progress import Meter

_CHUNK = 4 << 20

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking function in a thread, and to its end even when the task is cancelled meanwhile.

    A write that is still under way must not outlive the file it writes to.
    """
    return await to_its_end(asyncio.create_task(asyncio.to_thread(function, *args, **kwargs)))


async def to_its_end(work: "asyncio.Task[T]") -> T:
    """Return the result of a task that is not to be left running, also when the waiting task is cancelled."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await until_done(work)
        raise


async def until_done(work: "asyncio.Task[T]") -> None:
    """Wait for the end of a task, however often the waiting one is cancelled meanwhile; that takes effect then."""
    cancelled = False
    while not work.done():
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


async def pump(source: IO[bytes], sink: Callable[[bytes], object], length: int, report: Callable[[int], None]) -> int:
    """Feed up to `length` bytes of `source` to `sink` and return how many there were.

    Args:
        source: is read from where it stands.
        sink: gets each chunk, in a thread.
        length: bytes.
        report: gets the number of bytes so far after each chunk.
    """

    def step(limit: int) -> int:
        chunk = source.read(limit)
        sink(chunk)
        return len(chunk)

    done = 0
    while count := await in_thread(step, min(_CHUNK, length - done)):
        done += count
        report(done)
    return done


async def hash_file(path: Path, report: Callable[[int], None]) -> FetchedFile:
    """Read the whole file at `path` and return its size and sha256; OSError passes through."""
    digest = hashlib.sha256()
    with await in_thread(path.open, "rb") as file:
        length = (await in_thread(path.stat)).st_size
        size = await pump(file, digest.update, length, report)
    return FetchedFile(path, size, digest.hexdigest())


async def arrived_earlier(path: Path, sha256: str | None, meter: Meter) -> FetchedFile | None:
    """Return the file at `path` when its hash shows that it is the one wanted, complete and unharmed."""
    if sha256 is None or not await in_thread(path.is_file):
        return None
    size = (await in_thread(path.stat)).st_size
    found = await hash_file(path, lambda done: meter.report("checking", done, size))
    return found if found.sha256 == sha256 else None
