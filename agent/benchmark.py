"""Short measurements of the model that serves: how fast it reads and writes, kept to compare by."""

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from agent.durable import write_atomically
from agent.engines import ModelInfo, Sampling
from agent.errors import EdgewiseError, EngineUnavailableError
from agent.inference import frames
from agent.inference.answer import Answer
from agent.kept import read_kept
from agent.phrase import Phrase

logger = logging.getLogger(__name__)

PREFILL, DECODE = 512, 64  # tokens
_KEPT = 50
_RETRY = 10  # seconds


class Benchmark(msgspec.Struct, frozen=True):
    """One measurement. Speeds in tokens per second.

    Attributes:
        taken: UTC, ISO 8601.
        model: name of the installed model.
        build: of the engine.
        threads: compute threads.
        prompt: tokens that were read.
        answer: tokens that were written.
        prefill: speed of reading.
        decode: speed of writing.
        shared: whether others were answered at the same time, so that it says less.
        slowed: whether heat or a weak supply held the engine back, so that it says less.
    """

    taken: str
    model: str
    build: str
    threads: int
    prompt: int
    answer: int
    prefill: float
    decode: float
    shared: bool
    slowed: bool = False  # older files do not say


class Benchmarks:
    """Runs one measurement at a time and keeps the latest fifty in a JSON file.

    Args:
        path: of the file.
        generate: asks the engine.
        active: how many are being answered.
        slowed: whether the engine was held back during an answer that has just ended.

    Attributes:
        running: whether one runs now.
        trouble: why the latest could not be completed; empty if it was.
    """

    def __init__(
        self,
        path: Path,
        generate: Callable[[frames.Generate], Answer],
        active: Callable[[], int],
        slowed: Callable[[frames.Timings], bool],
    ) -> None:
        self.running = False
        self.trouble = ""
        self._path = path
        self._generate = generate
        self._active = active
        self._slowed = slowed
        self._task: asyncio.Task[None] | None = None
        self._results = _read(path)

    def results(self) -> list[Benchmark]:
        """Return what was measured, the latest first."""
        return self._results[::-1]

    def start(self, model: str, info: ModelInfo, threads: int) -> None:
        """Begin to measure the model that serves.

        Raises:
            EngineUnavailableError: somebody is being answered, or a measurement runs already.
        """
        if self.running or self._active():
            raise EngineUnavailableError(
                Phrase(
                    "errors.measure_later",
                    "Somebody is being answered at this moment; a measurement would slow them down and be wrong.",
                ),
                retry_after=_RETRY,
                hint=Phrase("errors.measure_later_hint", "Try again in a moment."),
            )
        self.running, self.trouble = True, ""
        self._task = asyncio.create_task(self._run(model, info, threads), name="benchmark")

    async def _run(self, model: str, info: ModelInfo, threads: int) -> None:
        try:
            self._keep(await self._measure(model, info, threads))
        except EdgewiseError as error:
            self.trouble = error.message
            logger.warning("The measurement of %s failed: %s", model, error.message)
        finally:
            self.running = False

    async def _measure(self, model: str, info: ModelInfo, threads: int) -> Benchmark:
        prompt = min(PREFILL, info.context // 2)
        answer = max(2, min(DECODE, info.context - prompt))
        timings, shared = await self._time(request(info.vocabulary, time.time_ns() % 10_000, prompt, answer))
        read = timings.prompt - timings.cached
        return Benchmark(
            taken=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            model=model,
            build=info.build,
            threads=threads,
            prompt=read,
            answer=timings.completion,
            prefill=read / timings.prefill if timings.prefill else 0.0,
            decode=timings.decode_rate,
            shared=shared,
            slowed=self._slowed(timings),
        )

    async def _time(self, request: frames.Generate) -> tuple[frames.Timings, bool]:
        """Return what a request took, and whether there were others meanwhile."""
        stream, shared = self._generate(request), False
        try:
            while events := await stream.events():
                shared = shared or self._active() > 1
                if isinstance(events[-1], frames.Finished):
                    return events[-1].timings, shared
        finally:
            stream.cancel()
        raise AssertionError("an answer ends with Finished or an error")

    def _keep(self, result: Benchmark) -> None:
        self._results = [*self._results, result][-_KEPT:]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, msgspec.json.format(msgspec.json.encode(self._results)))
        except OSError as error:  # it stays in memory
            logger.warning("The measurements in %s cannot be written: %s", self._path, error)


def request(vocabulary: int, number: int, prompt: int, answer: int) -> frames.Generate:
    """Return a request whose prompt is unlike that of any other number, and which no token ends early."""
    ordinary = range(vocabulary // 4, vocabulary // 2)  # control tokens are at the ends
    tokens = [ordinary[(number * 7919 + index * 31) % len(ordinary)] for index in range(prompt)]
    sampling = Sampling(temperature=0.8, top_k=40, top_p=0.95, min_p=0.05, seed=number)
    return frames.Generate(0, sampling, prompt=tokens, max_tokens=answer, ignore_end=True)


def _read(path: Path) -> list[Benchmark]:
    words = "The measurements in %s cannot be read and start anew: %s"
    return read_kept(path, list[Benchmark], list, logger, words)
