"""Waiting for an event, but not for ever."""

import asyncio
import gc

import pytest

from agent.waiting import end, wait_at_most


def test_waiting_ends_as_soon_as_the_event_is_set() -> None:
    async def scene() -> None:
        event = asyncio.Event()
        asyncio.get_running_loop().call_later(0.01, event.set)
        await wait_at_most(event, 30)
        assert event.is_set()

    asyncio.run(asyncio.wait_for(scene(), 5))


def test_waiting_for_what_does_not_happen_ends_too() -> None:
    asyncio.run(asyncio.wait_for(wait_at_most(asyncio.Event(), 0.01), 5))


def test_who_is_interrupted_waits_no_longer() -> None:
    async def scene() -> None:
        async with asyncio.timeout(0.01):
            await wait_at_most(asyncio.Event(), 30)

    with pytest.raises(TimeoutError):
        asyncio.run(scene())


def test_tasks_are_ended_and_nobody_complains_of_how() -> None:
    complaints: list[object] = []

    async def refuses() -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            raise OSError("too late") from None

    async def scene() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
        tasks = [asyncio.create_task(refuses()), asyncio.create_task(asyncio.sleep(30))]
        await asyncio.sleep(0)
        await end(tasks)
        assert all(task.done() for task in tasks)
        tasks.clear()
        gc.collect()

    asyncio.run(asyncio.wait_for(scene(), 5))
    assert not complaints
