"""Whether the model that serves keeps to what a job asks for: its answers, its speed, its memory."""

import asyncio
import functools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from agent import benchmark
from agent.engines import Sampling
from agent.errors import EngineError, EngineUnavailableError, QueueFullError
from agent.hardware.tree import Tree
from agent.inference.answer import Answer
from agent.inference.frames import Delta, Finished, Generate, Timings
from agent.phrase import Phrase, joined
from agent.survey import LIVE
from agent.telemetry.host import Host
from agent.telemetry.payloads import HealthCheck, Question
from agent.units import format_bytes

_ANSWER = 128  # tokens that an answer may have
_PROMPT, _DECODE = 32, 32  # tokens of a measurement of speed
_RUNS = 3
_SEED = 1
_QUEUE_SECONDS = 1.0  # before the queue is tried again
_MIB = 1 << 20


@dataclass(frozen=True)
class Findings:
    """What a check has brought.

    Attributes:
        reasons: in which respects the model does not do, as parts of a sentence.
        failure: what has gone wrong in the engine, in a sentence; empty: nothing.
        result: what was measured.
    """

    reasons: tuple[str, ...]
    failure: str
    result: dict[str, float]

    def unhealthy(self, name: str) -> str:
        """Return why the model of this name is not to stay, for people; empty: it may."""
        if not self.reasons:
            return self.failure
        listed = functools.reduce(_and_also, self.reasons)
        said = Phrase("jobs.unhealthy", "{name} is not healthy: {reasons}.", name=name, reasons=listed)
        return joined(said, self.failure)


async def check(host: Host, wanted: HealthCheck, name: str) -> Findings:
    """Ask the model called `name`, which serves, and measure it."""
    result: dict[str, float] = {}
    reasons: list[str] = []
    failure = ""
    try:
        async with asyncio.timeout(wanted.timeout_s):
            reasons += await _answers(host, wanted.prompts)
            speed = result["tok_s"] = round(await _speed(host), 2)
            if speed < wanted.min_tok_s:
                reasons.append(_too_slow(speed, wanted.min_tok_s))
    except TimeoutError:
        reasons.append(
            Phrase("jobs.overdue", "its health check was not over within {seconds:g} s", seconds=wanted.timeout_s)
        )
    except EngineError as error:
        failure = error.message
    if host.names() != [name]:
        reasons.append(Phrase("jobs.gone", "{name} does not serve any more", name=name))
    memory = _peak_memory(host.engine_pid)
    result["memory_mb"] = round(memory / _MIB, 1)
    if wanted.max_memory_mb and memory > wanted.max_memory_mb * _MIB:
        reasons.append(_too_large(memory, wanted.max_memory_mb * _MIB))
    return Findings(tuple(reasons), failure, result)


def _and_also(first: str, second: str) -> str:
    return Phrase("jobs.and_also", "{first}; {second}", first=first, second=second)


def _too_slow(speed: float, least: float) -> str:
    return Phrase(
        "jobs.too_slow", "it gives {speed:.1f} tokens per second, of at least {least:.1f}", speed=speed, least=least
    )


def _too_large(memory: int, most: float) -> str:
    return Phrase(
        "jobs.too_large",
        "it takes {memory} of memory, of at most {most}",
        memory=format_bytes(memory),
        most=format_bytes(most),
    )


async def _answers(host: Host, questions: Sequence[Question]) -> list[str]:
    """Return how many answers are not as expected; never what they are."""
    wrong = [
        str(number) for number, question in enumerate(questions, 1) if question.expect not in await _ask(host, question)
    ]
    if not wrong:
        return []
    return [
        Phrase(
            "jobs.wrong_answers",
            "{wrong} of {count} answers are not as expected (of prompt {prompts})",
            wrong=len(wrong),
            count=len(questions),
            prompts=", ".join(wrong),
        )
    ]


async def _ask(host: Host, question: Question) -> str:
    request = Generate(
        0,
        Sampling(temperature=0.0, seed=_SEED),
        messages=[{"role": "user", "content": question.ask}],
        max_tokens=_ANSWER,
        template={"enable_thinking": False},
    )
    said, _ = await _follow(await _begin(host, request))
    return said


async def _speed(host: Host) -> float:
    """Return the median tokens per second of short answers, those during which others were answered left out."""
    alone, shared = list[float](), list[float]()
    while len(alone) < _RUNS and len(alone) + len(shared) < 2 * _RUNS:
        if host.model is None:
            raise EngineUnavailableError(Phrase("jobs.nothing_serves", "No model serves."))
        number = len(alone) + len(shared) + 1
        stream = await _begin(host, benchmark.request(host.model.vocabulary, number, _PROMPT, _DECODE))
        others = host.health().active > 1
        _, timings = await _follow(stream)
        (shared if others or host.health().active else alone).append(timings.decode_rate)
    return statistics.median(alone or shared)


async def _begin(host: Host, request: Generate) -> Answer:
    """Hand a request to the engine, after those of people if there are many."""
    while True:
        try:
            return host.generate(request)
        except QueueFullError:
            await asyncio.sleep(_QUEUE_SECONDS)


async def _follow(stream: Answer) -> tuple[str, Timings]:
    """Return what was answered, and what it took."""
    said = ""
    try:
        while events := await stream.events():
            said += "".join(event.text for event in events if isinstance(event, Delta))
            if isinstance(events[-1], Finished):
                return said, events[-1].timings
    finally:
        stream.cancel()
    raise AssertionError("an answer ends with Finished or an error")


def _peak_memory(process: int) -> int:
    """Return the most bytes that a process has had in memory; 0 when there is none, or nobody can tell."""
    lines = Tree(LIVE).lines(f"proc/{process}/status")
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:")), 0)
