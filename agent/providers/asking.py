"""Asks one question about execution providers in a process of its own, and waits no longer than a limit."""

import asyncio
from collections.abc import Mapping
from typing import Any, overload

import msgspec

from agent.errors import EngineError
from agent.inference.child import Child
from agent.providers.frames import Failed, FromTrial, Listed, Look, ToTrial, Tried, Try

LIMIT = 30.0  # seconds; the first use of a GPU compiles kernels
_DECODER = msgspec.msgpack.Decoder(FromTrial)


@overload
async def ask(question: Look, environment: Mapping[str, str], limit: float = ...) -> Listed: ...


@overload
async def ask(question: Try, environment: Mapping[str, str], limit: float = ...) -> Tried: ...


async def ask(question: ToTrial, environment: Mapping[str, str], limit: float = LIMIT) -> Listed | Tried:
    """Return the answer.

    Raises:
        EngineError: there is none: it says that it cannot, has crashed, or took longer than `limit` seconds.
    """
    answer: asyncio.Future[FromTrial] = asyncio.get_running_loop().create_future()

    def receive(frame: FromTrial) -> None:
        if not answer.done():
            answer.set_result(frame)

    child = Child(receive, _DECODER)
    await child.spawn("agent.providers.worker", [], environment)
    child.send(question)
    ended = asyncio.create_task(child.ended(), name="end of a trial")
    try:
        first: set[asyncio.Future[Any]] = {answer, ended}
        await asyncio.wait(first, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise EngineError(f"its process {ended.result()}" if ended.done() else f"it hangs: nothing in {limit:g} s")
        frame = answer.result()
    finally:
        child.kill()  # whatever a driver does at the end of its process
        await ended
    if isinstance(frame, Failed):
        raise EngineError(frame.message)
    return frame
