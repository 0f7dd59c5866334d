"""Measures the kernels of an engine in a process of its own, where a crash of native code harms nobody."""

import asyncio
from collections.abc import Mapping
from typing import Any

from agent.errors import EngineError
from agent.inference import frames
from agent.inference.process import EngineProcess
from agent.speed import Rates

_SECONDS = 2.5  # that the measurement is meant to take
_LIMIT = 30.0  # seconds; a slow board with a slow disk imports and measures in less
_GRACE = 1.0


async def measure(engine: str, environment: Mapping[str, str], *, threads: int, memory: int) -> Rates:
    """Return what the kernels of an engine achieve on this machine.

    Args:
        engine: its name.
        environment: of its process.
        threads: compute threads.
        memory: bytes that the measurement may take.

    Raises:
        EngineError: the engine cannot measure, crashed or took too long.
    """
    answer: asyncio.Future[frames.Measured | frames.LoadFailed] = asyncio.get_running_loop().create_future()

    def receive(frame: frames.FromEngine) -> None:
        if isinstance(frame, frames.Measured | frames.LoadFailed) and not answer.done():
            answer.set_result(frame)

    process = await EngineProcess.start(engine, environment, receive)
    ended = asyncio.create_task(process.ended(), name="end of the measurement")
    process.send(frames.Measure(threads, _SECONDS, memory))
    try:
        first: set[asyncio.Future[Any]] = {answer, ended}
        await asyncio.wait(first, timeout=_LIMIT, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return _rates(answer.result())
        how = f"the process {ended.result()}" if ended.done() else f"no result within {_LIMIT:g} s"
        raise EngineError(f"The speed of {engine} cannot be measured: {how}.")
    finally:
        await process.stop(_GRACE)
        await ended


def _rates(answer: frames.Measured | frames.LoadFailed) -> Rates:
    if isinstance(answer, frames.LoadFailed):  # there is no such engine, or a library is missing
        raise EngineError(answer.message, hint=answer.hint)
    if answer.rates is None:
        raise EngineError(answer.message)
    return answer.rates
