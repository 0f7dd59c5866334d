"""One running answer: it belongs to the daemon, goes on whoever watches, and ends as a message that is kept."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from agent.chat.draft import Draft
from agent.chat.events import Done, Phase, PhaseName, Snapshot
from agent.chat.history import USUAL_CONTEXT
from agent.chat.host import Host
from agent.chat.log import EventLog
from agent.chat.question import Question
from agent.chat.records import Cause, Message, MessageState, Stats
from agent.errors import ContextOverflowError, EngineDiedError, EngineError, EngineUnavailableError, QueueFullError
from agent.inference.answer import Answer
from agent.inference.frames import Delta, Event, Finished, Prefill, Started, Timings
from agent.waiting import wait_at_most

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.25  # between two looks at a queue or at a model that loads
_RATE_SECONDS = 1.0  # between two reports of the speed
_STATES: dict[str, MessageState] = {"stop": "complete", "length": "cut", "cancelled": "stopped"}


class Generation:
    """Runs as one task, from the question to the last token.

    Attributes:
        message: the answer as it was when it began.
        log: what viewers are told.
        phase: what is happening now.
        model: name of the one that answers.
    """

    def __init__(self, message: Message, user_id: str, host: Host) -> None:
        self.message = message
        self.user_id = user_id
        self.log = EventLog()
        self.phase = Phase("queued")
        self.state: MessageState = "running"
        self.error = ""
        self.cause: Cause = ""
        self.stats = message.stats
        self.model = message.model
        self.draft = Draft(message, self.log)
        self._host = host
        self._answer: Answer | None = None
        self._stopped = asyncio.Event()
        self._tokens = 0
        self._first = self._told = 0.0

    def snapshot(self) -> Snapshot:
        """Return everything up to now."""
        self.log.flush()
        return self.draft.snapshot(self.phase)

    def stop(self) -> None:
        """End the answer here, and free the engine."""
        self._stopped.set()
        if self._answer is not None:
            self._answer.cancel()

    async def run(self, question: Question) -> None:
        """Ask the engine and follow its answer; how it ends is in `state`, `error`, `cause` and `stats`."""
        try:
            self.state = await self._ask(question)
        except EngineError as error:
            self.state, self.error = "failed", f"{error.message} {error.hint}".rstrip()
            self.cause = _cause(error, begun=self._answer is not None)
        except Exception as error:  # the top of this task: nobody else would hear of it
            logger.exception("An answer failed")
            self.state, self.error = "failed", f"The answer failed: {type(error).__name__}. The log says where."
            self.cause = "fault"
        self.draft.finish()

    async def _ask(self, question: Question) -> MessageState:
        while True:
            try:
                return await self._follow(question)
            except ContextOverflowError:
                if not question.shorten():
                    raise

    async def _follow(self, question: Question) -> MessageState:
        answer = await self._admitted(question)
        if answer is None:
            return "stopped"
        async with aclosing(self._events(answer)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    self._finished(event.timings, question.left_out)
                    return _STATES[event.reason]
                self._heard(event)
        return "stopped"

    async def _admitted(self, question: Question) -> Answer | None:
        """Hand the request to the engine as soon as it takes it; None when somebody stops that."""
        while not self._stopped.is_set():
            info = self._host.model
            try:
                self._answer = self._host.generate(question.request(info.context if info else USUAL_CONTEXT))
            except QueueFullError as error:
                self._enter(Phase("queued", seconds=error.retry_after))
            except EngineUnavailableError as error:
                if not error.retry_after:
                    raise
                self._enter(Phase("loading", progress=self._host.progress(), detail=error.message))
            else:
                self.model = next(iter(self._host.names()), "")
                return self._answer
            await wait_at_most(self._stopped, _LOOK_SECONDS)
        return None

    async def _events(self, answer: Answer) -> AsyncGenerator[Event, None]:
        """Yield what the engine says; says itself how the queue moves on meanwhile. A closed one frees the engine."""
        arriving = asyncio.create_task(answer.events(), name="answer")
        try:
            while True:
                await asyncio.wait({arriving}, timeout=_LOOK_SECONDS if self._first == 0 else None)
                if not arriving.done():
                    self._wait_in_line(answer)
                    continue
                for event in arriving.result():
                    yield event
                arriving = asyncio.create_task(answer.events(), name="answer")
        finally:
            arriving.cancel()
            answer.cancel()

    def _wait_in_line(self, answer: Answer) -> None:
        if place := self._host.place(answer):
            self._enter(Phase("queued", place.position, place.seconds))

    def _heard(self, event: Event) -> None:
        match event:
            case Started(prompt=prompt, cached=cached, thinks=thinks):
                self.stats = Stats(prompt=prompt, cached=cached)
                self.draft.begin(thinks=thinks)
                self._enter(Phase("reading"))
            case Prefill(processed=processed) if not self._first:
                new = max(1, self.stats.prompt - self.stats.cached)
                self._enter(Phase("reading", progress=(processed - self.stats.cached) / new))
            case Delta(text=text, tokens=tokens):
                self._tokens += tokens
                self.draft.push(text)
                self._tell_rate()

    def _tell_rate(self) -> None:
        """Say now and then how fast it goes, and at once that reading has ended."""
        now = time.monotonic()
        self._first = self._first or now
        name: PhaseName = "thinking" if self.draft.thinks else "answering"
        if name != self.phase.name or now - self._told >= _RATE_SECONDS:
            self._told = now
            elapsed = now - self._first
            self._enter(Phase(name, rate=self._tokens / elapsed if elapsed > _RATE_SECONDS / 2 else 0.0))

    def _enter(self, phase: Phase) -> None:
        if phase != self.phase:
            self.phase = phase
            self.log.append(phase)

    def _finished(self, timings: Timings, left_out: int) -> None:
        before = self.message.stats.completion if self.message.text or self.message.thinking else 0
        info = self._host.model
        self.stats = Stats(
            prompt=timings.prompt - before if before else timings.prompt,
            cached=timings.cached,
            completion=timings.completion + before,
            queued=timings.queued,
            prefill=timings.prefill,
            decode=timings.decode + (self.message.stats.decode if before else 0.0),
            thinking=self.draft.thinking_seconds,
            context=info.context if info else 0,
            left_out=left_out,
        )

    def end(self) -> None:
        """Tell the viewers that it is over, after the message was kept."""
        self.log.append(Done(self.state))


def _cause(error: EngineError, *, begun: bool) -> Cause:
    """Return the kind of an error; an engine that is gone in the middle of an answer goes with the device."""
    match error:
        case EngineDiedError():
            return "died"
        case ContextOverflowError():
            return "too_long"
        case EngineUnavailableError():
            return "restarted" if begun else "unready"
    return "engine"
