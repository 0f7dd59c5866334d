"""Runs a duel: two candidates in engine processes of their own, in turns, so that what drifts meets both alike."""

import asyncio
import contextlib
import datetime as dt
import math
import statistics
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from agent.benchmark import request
from agent.duels import Duel, Side, interval
from agent.errors import EngineUnavailableError
from agent.inference import frames
from agent.inference.candidate import Candidate
from agent.inference.set_aside import SetAside, identify
from agent.inference.supervisor import Supervisor
from agent.speed import Prediction

_SECONDS = 2.0  # that each part of a round is meant to take
_PROMPT, _ANSWER = (32, 256), (16, 64)  # least and most tokens, alone
_SHORT = 32  # tokens of the prompts that are asked together, at most
_QUEUE = 64
_PATIENCE = 120.0  # seconds without a sign of life
# An ordinary question, as selection sees it.
_ASKED, _SAID = 256, 100


@dataclass(frozen=True)
class Work:
    """What both sides do in each round: one question alone, then several at once."""

    prompt: int
    answer: int
    streams: int

    @property
    def short(self) -> int:
        """Tokens of each prompt when several are asked at once."""
        return min(_SHORT, self.prompt)


@dataclass(frozen=True)
class _Run:
    """What one side did in one round: tokens per second alone, and seconds for all questions at once."""

    prefill: float
    decode: float
    together: float

    @property
    def alone(self) -> float:
        """Seconds for an ordinary question."""
        return _ASKED / self.prefill + _SAID / self.decode


@dataclass(frozen=True)
class Arena:
    """Where duels are run.

    Attributes:
        environment: of the engine processes.
        set_aside: what cannot be run here; a side that crashes is added.
        both: whether there is memory for both at once; else each is loaded anew for each round.
        on_round: is told how many rounds are over.
        on_speed: is told what each question took that was asked alone.
    """

    environment: Mapping[str, str]
    set_aside: SetAside
    both: bool
    on_round: Callable[[int], None]
    on_speed: Callable[[Candidate, frames.Timings], None] | None = None

    async def duel(self, first: Candidate, second: Candidate, work: Work, rounds: int) -> Duel:
        """Run both and return what was found.

        Raises:
            EngineUnavailableError: one of them does not run.
        """
        runs: tuple[list[_Run], list[_Run]] = ([], [])
        async with contextlib.AsyncExitStack() as stack:
            held = [await stack.enter_async_context(self._loaded(side)) for side in (first, second) if self.both]
            for number in range(-1 if self.both else 0, rounds):  # the first round warms up what was just loaded
                for index in (0, 1) if number % 2 else (1, 0):
                    run = await self._round((first, second)[index], held[index] if held else None, work, number)
                    if number >= 0:
                        runs[index].append(run)
                self.on_round(number + 1)
        ratio, low, high = interval([_ratio(ours, other) for ours, other in zip(*runs, strict=True)])
        sides = [_side(candidate, taken, work) for candidate, taken in zip((first, second), runs, strict=True)]
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        return Duel(now, first.plan.threads, work.streams, rounds, sides[0], sides[1], ratio, low, high)

    async def _round(self, candidate: Candidate, held: Supervisor | None, work: Work, number: int) -> _Run:
        if held is not None:
            return await _run(held, work, number)
        async with self._loaded(candidate) as supervisor:
            return await _run(supervisor, work, number)

    @asynccontextmanager
    async def _loaded(self, candidate: Candidate) -> AsyncIterator[Supervisor]:
        supervisor = Supervisor(self.set_aside, self.environment, queue=_QUEUE, step_timeout=_PATIENCE)
        supervisor.on_speed = self.on_speed
        supervisor.start([candidate])
        try:
            await supervisor.settled()
            if supervisor.status.state != "ready":
                raise EngineUnavailableError(supervisor.status.detail, hint=supervisor.status.hint)
            yield supervisor
        finally:
            await supervisor.stop()


def work_for(first: Prediction, second: Prediction, streams: int, context: int) -> Work:
    """Return work that takes the slower of the two some seconds a round, and for which both have room."""
    prefill, decode = min(first.prefill, second.prefill), min(first.decode, second.decode)
    prompt, answer = _within(_SECONDS * prefill, *_PROMPT), _within(_SECONDS * decode, *_ANSWER)
    return Work(min(prompt, context // 2), min(answer, context // 4), streams)


def _within(value: float, least: int, most: int) -> int:
    return round(min(max(value, least), most))


async def _run(supervisor: Supervisor, work: Work, number: int) -> _Run:
    seed = time.time_ns() % 100_000 + number
    alone = await _ask(supervisor, seed, work.prompt, work.answer)
    started = time.perf_counter()
    questions = [_ask(supervisor, seed + 1 + stream, work.short, work.answer) for stream in range(work.streams)]
    await asyncio.gather(*questions)
    seconds = time.perf_counter() - started
    return _Run((alone.prompt - alone.cached) / alone.prefill, alone.decode_rate, seconds)


async def _ask(supervisor: Supervisor, seed: int, prompt: int, answer: int) -> frames.Timings:
    vocabulary = supervisor.status.info.vocabulary if supervisor.status.info else 0
    stream = supervisor.generate(request(vocabulary, seed, prompt, answer))
    while events := await stream.events():
        if isinstance(events[-1], frames.Finished):
            return events[-1].timings
    raise AssertionError("an answer ends with Finished or an error")


def _ratio(first: _Run, second: _Run) -> float:
    """Return how many times as long the second takes: alone and together count alike."""
    return math.sqrt(second.alone / first.alone * second.together / first.together)


def _side(candidate: Candidate, runs: list[_Run], work: Work) -> Side:
    return Side(
        name=candidate.name,
        model=identify(candidate.path),
        engine=candidate.engine,
        build=candidate.build,
        provider=candidate.plan.provider,
        prefill=statistics.median(run.prefill for run in runs),
        decode=statistics.median(run.decode for run in runs),
        together=work.streams * work.answer / statistics.median(run.together for run in runs),
    )
