"""What is broken during a soak, and when: shares of its length, so that a short one has all of it too."""

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import Awaitable, Callable

from benchmarks.soak.book import Book, Fault
from benchmarks.soak.place import Place, children

_LOOK = 0.05  # seconds
_PATIENCE = 300.0
_AWAY, _LONGEST_AWAY = 0.05, 180.0  # share of the whole, and seconds, that the broker is away at most
_TEN_MINUTES, _MOST_DEATHS = 610.0, 2
_HELD = 2.0  # seconds that another process writes into app.db; the daemon waits for five

Breaker = Callable[[Book, Place, float], Awaitable[None]]


async def kill_engine(book: Book, place: Place, _seconds: float) -> None:
    """End the engine as the kernel does when memory runs out."""
    with book.breaking("engine killed") as fault:
        await _until_serving(place, fault, _signal_engine(place, signal.SIGKILL))


async def hang_engine(book: Book, place: Place, _seconds: float) -> None:
    """Stop the engine: the daemon has to find out by itself, and to end it."""
    with book.breaking("engine hangs") as fault:
        await _until_serving(place, fault, _signal_engine(place, signal.SIGSTOP))


async def restart_broker(book: Book, place: Place, _seconds: float) -> None:
    """Restart the broker in good order."""
    with book.breaking("broker") as fault:
        await asyncio.to_thread(place.broker.stop)
        await asyncio.to_thread(place.broker.start)
        await _until_online(place, fault)


async def no_broker(book: Book, place: Place, seconds: float) -> None:
    """Have no broker for some minutes, as after a power cut."""
    with book.breaking("broker") as fault:
        await asyncio.to_thread(place.broker.kill)
        await asyncio.sleep(min(seconds * _AWAY, _LONGEST_AWAY))
        await asyncio.to_thread(place.broker.start)
        await _until_online(place, fault)


async def maintain(book: Book, place: Place, _seconds: float) -> None:
    """Copy app.db as a backup does, write it back from its log, and hold its lock for a while."""
    with book.breaking("app.db") as fault:
        began = time.monotonic()
        await asyncio.to_thread(_maintain, place)
        fault.recovery = time.monotonic() - began


SCHEDULE: tuple[tuple[float, Breaker], ...] = (
    (0.03, kill_engine),
    (0.08, restart_broker),
    (0.13, hang_engine),
    (0.18, maintain),
    (0.22, kill_engine),  # and then the engine is left alone, of an hour for 20 minutes after its warm-up
    (0.31, no_broker),
    (0.52, restart_broker),
    (0.58, maintain),
    (0.66, no_broker),
    (0.86, restart_broker),
    (0.91, kill_engine),
    (0.96, hang_engine),
)
"""What is broken after which share of the time."""


async def inject(book: Book, place: Place, seconds: float) -> None:
    """Break everything in its turn."""
    began = time.monotonic()
    for share, breaker in SCHEDULE:
        await asyncio.sleep(max(0.0, began + share * seconds - time.monotonic()))
        await book.gate.wait()
        if breaker not in {kill_engine, hang_engine} or _may_die(book):
            await breaker(book, place, seconds)


def _may_die(book: Book) -> bool:
    """Tell whether the engine may die: after the third time in ten minutes the device leaves it alone for a while."""
    recent = time.monotonic() - _TEN_MINUTES
    return sum(fault.kind.startswith("engine") and fault.ended > recent for fault in book.faults) < _MOST_DEATHS


def _signal_engine(place: Place, number: signal.Signals) -> int:
    engine = children(place.pid)["engine"]
    os.kill(engine, number)
    return engine


async def _until_serving(place: Place, fault: Fault, before: int) -> None:
    """Wait for the next engine, and note how long that took."""
    await _until(lambda: children(place.pid).get("engine") not in {None, before})
    async with asyncio.timeout(_PATIENCE):
        while not await place.healthy():  # noqa: ASYNC110 - another process has no event for us
            await asyncio.sleep(_LOOK)
    fault.recovery = time.monotonic() - fault.began


async def _until_online(place: Place, fault: Fault) -> None:
    """Wait until the device answers over the broker that has just been started."""
    began = time.monotonic()
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                await place.hub.ask("ping", seconds=2.0)
            except TimeoutError:
                continue
            fault.recovery = time.monotonic() - began
            return


async def _until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(_PATIENCE):
        while not holds():  # noqa: ASYNC110 - the kernel has no event
            await asyncio.sleep(_LOOK)


def _maintain(place: Place) -> None:
    copy = place.folder / "backup.db"
    copy.unlink(missing_ok=True)
    database = sqlite3.connect(place.state / "app.db", timeout=10)
    try:
        database.execute("VACUUM INTO ?", (str(copy),))
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("BEGIN IMMEDIATE")
        time.sleep(_HELD)
        database.rollback()
    finally:
        database.close()
