"""A supervisor with real engine processes."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from agent.config import engine_environment
from agent.engines import Sampling
from agent.inference import frames
from agent.inference.answer import Answer
from agent.inference.candidate import Candidate
from agent.inference.set_aside import SetAside
from agent.inference.supervisor import Supervisor
from agent.plan import Plan

LIST = "set-aside.json"


def candidate(path: Path | None = None, *, engine: str = "echo", parallel: int = 2, build: str = "1") -> Candidate:
    """Return a candidate, named after its file."""
    return Candidate(
        name=path.stem if path else engine,
        path=path,
        engine=engine,
        build=build,
        plan=Plan(256, parallel, threads=1, micro_batch=64),
    )


@asynccontextmanager
async def supervising(
    folder: Path, *candidates: Candidate, queue: int = 8, step_timeout: float = 60.0
) -> AsyncIterator[Supervisor]:
    """Run a supervisor; its list of set-aside models is in the folder."""
    supervisor = Supervisor(SetAside(folder / LIST), engine_environment(), queue=queue, step_timeout=step_timeout)
    supervisor.start(candidates or [candidate()])
    try:
        yield supervisor
    finally:
        await supervisor.stop()


async def until(condition: Callable[[], bool], within: float = 10.0) -> None:
    """Wait for something to become true."""
    limit = time.monotonic() + within
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        await asyncio.sleep(0.005)


async def reached(supervisor: Supervisor, state: str, within: float = 10.0) -> None:
    """Wait for a state."""
    await until(lambda: supervisor.status.state == state, within)


def ask(supervisor: Supervisor, text: str) -> Answer:
    """Send one user message; the echo engine answers with it or does what it says."""
    return supervisor.generate(frames.Generate(0, Sampling(), messages=[{"role": "user", "content": text}]))


async def first_text(answer: Answer) -> str:
    """Wait for the first piece of text."""
    while True:
        text = "".join(event.text for event in await answer.events() if isinstance(event, frames.Delta))
        if text:
            return text


async def whole(answer: Answer) -> str:
    """Wait for the end and return the text."""
    text = ""
    while events := await answer.events():
        text += "".join(event.text for event in events if isinstance(event, frames.Delta))
    return text


def children() -> set[int]:
    """Return the engine processes and the like that this one has started and that are still there.

    Daemons and browsers of other tests may run all the time.
    """
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            command = stat.with_name("cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == os.getpid() and b"agent." in command and b"agent.cli" not in command:
            found.add(int(stat.parent.name))
    return found
