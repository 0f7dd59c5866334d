"""Keeps an engine process running with the best candidate that works, and passes requests to it.

States: `stopped` → `loading` → `ready`; a death leads over `restarting` back to `loading`, a candidate that is not good
enough over `refused` to the next one; `failed` when none is left. Requests are accepted in `ready` only; in all other
states they fail at once, with the reason and with the time after which to ask again. When the process dies, everyone
who waits for it is told immediately.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import msgspec

from agent.errors import EngineDiedError, EngineUnavailableError
from agent.inference import frames, saying
from agent.inference.answer import Answer
from agent.inference.backoff import Backoff
from agent.inference.candidate import Candidate, Status
from agent.inference.judge import Judge
from agent.inference.pacing import Pacing
from agent.inference.pending import Pending
from agent.inference.process import EngineProcess
from agent.inference.set_aside import SetAside
from agent.inference.watching import watch
from agent.plan import Plan

logger = logging.getLogger(__name__)

_GAP = 0.05  # seconds between two looks at the state
_PATIENCE = 60.0  # seconds that a model waits for a moment in which nobody is being answered; then it makes one
_GRACE = 2.0  # seconds for the process to free its memory by itself
_RETRY = 2  # seconds, said to clients while a model loads
_LOADING = 10  # times as long as a step may loading be silent: the first touch of a large file on an SD card is slow


class Supervisor:
    """Owns the engine process."""

    def __init__(self, set_aside: SetAside, environment: Mapping[str, str], *, queue: int, step_timeout: float) -> None:
        self.status = Status()
        self.failures: dict[str, str] = {}  # why models that were to run do not, in sentences, by name
        self.on_speed: Callable[[Candidate, frames.Timings], None] | None = None  # of answers that ran alone
        self.on_death: Callable[[Candidate, str], None] | None = None  # while it served, and how, in words
        self._judge = Judge(set_aside)
        self._environment = environment
        self._queue = queue
        self._step_timeout = step_timeout
        self.pending = Pending()
        self.pacing = Pacing()
        self._numbers = itertools.count(1)
        self._process: EngineProcess | None = None
        self._candidate: Candidate | None = None
        self._task: asyncio.Task[None] | None = None
        self._heard = self._ready_at = 0.0
        self._retry_after = _RETRY

    def start(self, candidates: Sequence[Candidate]) -> None:
        """Begin to run the first of the candidates that works."""
        self._enter("loading", saying.LOOKING)
        self.failures = {}
        self._task = asyncio.create_task(self._run(list(candidates)), name="engine supervisor")

    async def switch(self, candidates: Sequence[Candidate]) -> None:
        """Run other candidates from the next moment on in which nobody is being answered.

        Should there be none for a minute, new requests are refused until the answers in progress are complete.
        """
        if not await self.pending.quiet(_PATIENCE):
            self._enter("loading", saying.takes_over_later(candidates[0].name))
            await self.pending.none_left()
        self._enter("loading", saying.takes_over(candidates[0].name))
        self.status.info = None
        await self._end()
        self.start(candidates)

    async def rest(self, patience: float, reason: str, hint: str) -> None:
        """Run nothing until something is started, after at most `patience` seconds for the answers in progress."""
        await self.pending.quiet(patience)
        self.pending.fail(EngineUnavailableError(reason, hint=hint))
        self.status.info = None
        await self._end()
        self.status = Status("failed", reason, hint, restarts=self.status.restarts)
        self._candidate = None

    async def restart(self, patience: float) -> None:
        """Load what serves once more, after at most `patience` seconds for the answers in progress.

        Raises:
            EngineUnavailableError: nothing serves.
        """
        await self.pending.quiet(patience)
        if self.status.state != "ready" or self._process is None:
            raise saying.unavailable(self.status, self._retry_after)
        logger.info("%s", saying.RESTARTED)
        self._break_off(saying.RESTARTED)
        self._process.kill()

    def runs(self, candidate: Candidate) -> bool:
        """Tell whether this candidate is loaded and serves."""
        return self.status.state == "ready" and self._candidate is not None and candidate.same(self._candidate)

    def runs_best(self, candidates: Sequence[Candidate]) -> bool:
        """Tell whether the first of the candidates serves, but for those that have just failed, or nothing is left."""
        left = [candidate for candidate in candidates if candidate.name not in self.failures]
        return not left or self.runs(left[0])

    async def settled(self) -> None:
        """Wait until a model is ready or none is left to try."""
        while self.status.state not in {"ready", "failed", "stopped"}:  # noqa: ASYNC110 - states have no event
            await asyncio.sleep(_GAP)

    @property
    def plan(self) -> Plan | None:
        """How the model runs that is loaded."""
        return self._candidate.plan if self.status.info is not None and self._candidate is not None else None

    def tends(self) -> bool:
        """Tell whether somebody looks after the engine, where there is one to look after."""
        return self._task is None or not self._task.done() or self.status.state in {"failed", "stopped"}

    def memory(self) -> int:
        """Return the bytes that the engine process takes now."""
        return self._process.memory() if self._process is not None and self.pid else 0

    async def stop(self) -> None:
        """End the process and every answer."""
        self._enter("stopped", saying.SHUTTING_DOWN)
        self.pending.fail(EngineUnavailableError("Edgewise is shutting down; the answer ends here."))
        await self._end()

    async def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._process is not None:
            await self._process.stop(_GRACE)

    @property
    def pid(self) -> int:
        """Process id of the engine; 0 while there is none."""
        return self._process.pid if self._process is not None and self.status.state in {"loading", "ready"} else 0

    @property
    def active(self) -> int:
        """How many requests are being answered or waiting."""
        return len(self.pending)

    def generate(self, request: frames.Generate, who: str = "") -> Answer:
        """Hand a request to the engine; its `id` is chosen here. `who` is whose share of the queue it takes, if any's.

        Raises:
            EngineUnavailableError: no model is ready.
            QueueFullError: too many requests are waiting, in all or of whoever asks.
        """
        info = self.status.info
        if self.status.state != "ready" or info is None or self._process is None:
            raise saying.unavailable(self.status, self._retry_after)
        self.pending.require_room(info.parallel, self._queue, who)
        number = next(self._numbers)
        self._process.send(msgspec.structs.replace(request, id=number))
        if not self.pending:
            self._heard = time.monotonic()
        answer = Answer(number, self._cancel)
        self.pending.add(answer, who)
        return answer

    def govern(self, frame: frames.Govern) -> None:
        """Have the engine work like this from now on, and every engine after it."""
        if self.pacing.tell(frame) and self.status.state == "ready" and self._process is not None:
            self._process.send(frame)

    async def _run(self, candidates: list[Candidate]) -> None:
        """Serve with the first candidate that loads; after a death the same one again, later each time."""
        for candidate in candidates:
            try:
                await self._keep_serving(candidate)
            except Exception as error:  # the top of this task: nobody else would hear of it
                logger.exception("%s cannot be run", candidate.name)
                self.failures[candidate.name] = f"{candidate.name} cannot be run: {str(error).rstrip('.')}."
        self._enter("failed", saying.none_runs(self.failures.values()), self.status.hint)

    async def _keep_serving(self, candidate: Candidate) -> None:
        backoff = Backoff()
        while await self._serve(candidate):
            if self.status.state == "restarting":  # it has served, so its trial is over
                candidate = replace(candidate, expect=None)
            delay = backoff.delay(self._ready_at)
            logger.info("The engine is restarted in %g s", delay)
            self._retry_after = max(_RETRY, round(delay) + 1)
            await asyncio.sleep(delay)

    async def _serve(self, candidate: Candidate) -> bool:
        """Load a candidate and stay with it until its process ends.

        Returns:
            Whether the same candidate deserves another start.
        """
        refused, extra_buffers = self._judge.admit(candidate)
        if refused:
            self.failures[candidate.name] = refused
            return False
        how = await self._one_life(candidate, extra_buffers=extra_buffers)
        if self.status.state == "refused":
            self.failures[candidate.name] = self.status.detail
            return False
        if self.status.info is not None:
            message = f"The engine process {how} while serving {candidate.name}."
            logger.error("%s", message)
            self.status.restarts += 1
            self._break_off(message)
            if self.on_death is not None:
                self.on_death(candidate, how)
        if self.status.state == "restarting":  # because it has died, or somebody has asked for it
            return True
        if failure := self._judge.died_loading(candidate, how, extra_buffers=extra_buffers):
            self.failures[candidate.name] = failure
        return not failure

    async def _one_life(self, candidate: Candidate, *, extra_buffers: bool) -> str:
        """Start a process, load the model, wait for the end; returns how it ended."""
        self.status = Status(
            "loading", saying.loading(candidate.name), model=candidate.name, restarts=self.status.restarts
        )
        self._ready_at = self._heard = time.monotonic()
        self._retry_after = _RETRY
        process = await EngineProcess.start(candidate.engine, self._environment, self._receive)
        self._process = process
        self._candidate = candidate
        process.send(candidate.load(extra_buffers=extra_buffers))
        watchdog = asyncio.create_task(watch(process, self._silent, self._step_timeout / 4), name="engine watchdog")
        try:
            return await process.ended()
        finally:
            watchdog.cancel()

    def _silent(self) -> float:
        """Return the seconds for which a process that has work gives no sign of life, as shares of those it may."""
        loading = self.status.state == "loading"
        limit = self._step_timeout * (_LOADING if loading else 1)
        return (time.monotonic() - self._heard) / limit if self.pending or loading else 0.0

    def _receive(self, frame: frames.FromEngine) -> None:
        self._heard = time.monotonic()
        match frame:
            case _ if self._task is None or self._task.cancelling():
                return  # the process is being ended
            case frames.Events(events=events):
                self._dispatch(events)
            case frames.Loading(fraction=fraction):
                self.status.progress = fraction
            case frames.Loaded():
                self._loaded(frame)
            case frames.Governed():
                self.pacing.heard(frame)
            case frames.LoadFailed(message=message, hint=hint):
                self._enter("refused", saying.cannot_load(self.status.model, message), hint)
                logger.error("%s", self.status.detail)

    def _dispatch(self, events: Sequence[frames.Event]) -> None:
        for event in events:
            if timings := self.pending.dispatch(event):
                self._learn(timings)

    def _loaded(self, frame: frames.Loaded) -> None:
        if frame.trial and self._candidate and self._candidate.expect and self._process:
            self._learn(frame.trial)
            if missed := self._judge.missed(self._candidate, frame.trial, self._process.peak_memory()):
                self._enter("refused", missed)
                logger.warning("%s", missed)
                self._process.kill()
                return
        self.status.info, self.status.load_seconds, self.status.progress = frame.info, frame.seconds, 1.0
        self._ready_at = time.monotonic()
        if self._process is not None and self.pacing.told != frames.Govern():
            self._process.send(self.pacing.told)
        self._enter("ready", saying.ready(self.status.model, self.failures.values()))
        logger.info("Loaded %s in %.2f s with %s", self.status.model, frame.seconds, frame.info.build)

    def _learn(self, timings: frames.Timings) -> None:
        if self.on_speed is not None and self._candidate is not None and not self.pacing.slowed(timings):
            self.on_speed(self._candidate, timings)

    def _cancel(self, number: int) -> None:
        if self._process is not None:
            self._process.send(frames.Cancel(number))

    def _break_off(self, message: str) -> None:
        self.status.info = None
        self._enter("restarting", message)
        self.pending.fail(EngineDiedError(message, hint="It is being restarted; ask again."))

    def _enter(self, state: str, detail: str, hint: str = "") -> None:
        self.status.state, self.status.detail, self.status.hint = state, detail, hint
