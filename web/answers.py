"""Waiting for answers for a client that may go away."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from litestar.types import Receive

from agent.errors import EngineError, RequestError
from agent.inference.answer import Answer
from agent.inference.frames import Delta, Finished, Generate, Timings, TokenLogprob
from agent.inference.pending import share
from agent.node import Node

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Complete:
    """A whole answer. `reason` is `stop`, `length` or `cancelled`."""

    text: str
    logprobs: list[TokenLogprob]
    reason: str
    timings: Timings


def start_all(node: Node, requests: Sequence[Generate], who: str) -> list[Answer]:
    """Hand all requests to the engine, or none.

    Args:
        node: has the engine.
        requests: what it is to do.
        who: whose share of the queue they take; empty for nobody's.

    Raises:
        RequestError: they are more than can ever run and wait at once.
        EngineUnavailableError: no model is ready.
        QueueFullError: there is no room for all of them.
    """
    waiting = share(node.config.queue) if who else node.config.queue
    room = (node.model.parallel if node.model else node.config.parallel) + waiting
    if len(requests) > room:
        message = f"The request asks for {len(requests)} answers; at most {room} may run and wait at once."
        raise RequestError(message, hint="Send several requests one after the other.")
    answers: list[Answer] = []
    try:
        for request in requests:
            answers.append(node.generate(request, who))  # noqa: PERF401 - those begun before an error are needed below
    except EngineError:
        cancel_all(answers)
        raise
    return answers


def cancel_all(answers: Iterable[Answer]) -> None:
    """Free the engine of those that are not complete."""
    for answer in answers:
        answer.cancel()


async def cancel_when_gone(receive: Receive, answers: Sequence[Answer]) -> None:
    """Wait until the client has gone away, then free the engine; the answers end as cancelled."""
    while (await receive())["type"] != "http.disconnect":
        pass
    cancel_all(answers)


async def collect(answer: Answer) -> Complete:
    """Wait for a whole answer.

    Raises:
        EngineError: the request failed, or the engine did.
    """
    text: list[str] = []
    logprobs: list[TokenLogprob] = []
    while True:
        for event in await answer.events():
            if isinstance(event, Delta):
                text.append(event.text)
                logprobs += event.logprobs or ()
            elif isinstance(event, Finished):
                return Complete("".join(text), logprobs, event.reason, event.timings)


async def together(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run coroutines side by side; when one fails, the others end too."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def beside(*coroutines: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run coroutines while the block runs, no longer."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
