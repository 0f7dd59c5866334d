"""Waiting, but not for ever."""

import asyncio
import contextlib
from collections.abc import Collection
from typing import Any


async def wait_at_most(event: asyncio.Event, seconds: float) -> None:
    """Return when an event is set, or after some seconds without it."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and return when they have ended; how they did is of no interest here."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # or asyncio complains that nobody looked
