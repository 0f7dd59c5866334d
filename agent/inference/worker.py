"""The engine process: `python -m agent.inference.worker --fd N --engine NAME`.

One thread drives everything: it reads frames, admits requests to free slots in the order of arrival, advances the
engine step by step and reports in one frame what a step brought, or several quick ones. Between two steps it looks at
the socket without waiting, so that a cancel takes effect before the next step. With nothing to do it sleeps in
`select`.
"""

import argparse
import logging
import socket
import time
from collections import deque
from pathlib import Path

import msgspec

from agent import engines
from agent.engines import Engine, LoadOptions, ModelInfo, Prefilled, SequenceRequest
from agent.errors import ConfigError, ContextOverflowError, EdgewiseError, ModelFileError, RequestError
from agent.heap import trim
from agent.inference import frames, prompt, shares
from agent.inference.channel import Channel
from agent.inference.generation import Generation
from agent.inference.outgoing import Outgoing
from agent.inference.parent import connect
from agent.inference.template import CHATML, PLAIN, ChatTemplate
from agent.inference.trial import trial

logger = logging.getLogger(__name__)

_LONGEST_REST = 5.0  # seconds; a step takes less than one
_TIDY_SECONDS = 60.0


class Worker:
    """Serves one daemon over one socket with one model."""

    def __init__(self, connection: socket.socket, engine: Engine) -> None:
        self._channel = Channel(connection)
        self._engine = engine
        self._decoder = msgspec.msgpack.Decoder(frames.ToEngine)
        self._waiting: deque[Generation] = deque()
        self._running: dict[int, Generation] = {}
        self._outgoing = Outgoing(self._channel.send)
        self._rest = 0.0  # after each step, as a multiple of its time
        self._tidied = time.monotonic()

    def run(self) -> None:
        """Work until the daemon says so or goes away."""
        while self._channel.open:
            self._receive(wait=not self._running and not self._waiting)
            self._admit()
            if self._running:
                self._advance()
            self._outgoing.flush_due()
            self._tidy()

    def _tidy(self) -> None:
        """Give the system back what is free inside the heap, once a minute."""
        if time.monotonic() - self._tidied >= _TIDY_SECONDS:
            self._tidied = time.monotonic()
            trim()

    def _receive(self, *, wait: bool | float) -> None:
        for body in self._channel.receive(wait=wait):
            self._outgoing.flush()  # before a long prompt is tokenized
            self._handle(self._decoder.decode(body))

    def _handle(self, frame: frames.ToEngine) -> None:
        match frame:
            case frames.Load():
                self._load(frame)
            case frames.Generate():
                self._prepare(frame)
            case frames.Cancel(id=number):
                self._cancel(number)
            case frames.Measure():
                self._measure(frame)
            case frames.Govern():
                self._govern(frame)
            case frames.Shutdown():
                self._channel.open = False

    def _load(self, frame: frames.Load) -> None:
        options = LoadOptions(
            path=Path(frame.path) if frame.path else None,
            plan=frame.plan,
            extra_buffers=frame.extra_buffers,
            libraries=tuple(map(Path, frame.libraries)),
        )
        started = time.perf_counter()
        try:
            self._info = self._engine.load(options, lambda fraction: self._channel.send(frames.Loading(fraction)))
            seconds = time.perf_counter() - started
            run = trial(self._engine, self._info) if frame.trial else None
        except EdgewiseError as error:
            self._channel.send(frames.LoadFailed(error.message, error.hint))
            self._channel.open = False
            return
        self._template = _chat_template(self._info)
        self._guard = prompt.Guard(self._engine.controls())
        self._threads = max(1, frame.plan.threads)
        self._channel.send(frames.Loaded(self._info, seconds, run))

    def _measure(self, frame: frames.Measure) -> None:
        try:
            rates = self._engine.measure(frame.threads, frame.seconds, frame.memory)
        except EdgewiseError as error:
            self._channel.send(frames.Measured(None, error.message))
        else:
            self._channel.send(frames.Measured(rates))

    def _govern(self, frame: frames.Govern) -> None:
        computing = self._engine.use_threads(shares.threads(frame.share, self._threads))
        self._rest = shares.rest(frame.share, self._threads, computing)
        self._engine.keep_conversations(keep=frame.conversations)
        self._channel.send(frames.Governed(computing, self._rest))

    def _prepare(self, frame: frames.Generate) -> None:
        """Render and tokenize; what is wrong with a request is said at once, not after waiting in the queue."""
        try:
            tokens, thinks = self._tokens(frame)
            limit = self._limit(frame, len(tokens))
        except EdgewiseError as error:
            self._outgoing.add([_failure(frame.id, error)])
            return
        self._waiting.append(Generation(frame, tokens, limit, self._engine.piece, thinks))

    def _tokens(self, frame: frames.Generate) -> tuple[list[int], bool]:
        """Return the prompt, and whether the answer begins inside the model's thinking."""
        thinks = False
        if isinstance(frame.prompt, list):
            for token in frame.prompt:
                self._engine.piece(token)  # refuses what is not in the vocabulary
            tokens = frame.prompt
        elif isinstance(frame.prompt, str):
            tokens = self._engine.tokenize(frame.prompt, special=True, begin=True)
        else:
            tokens, thinks = self._chat(frame)
        if not tokens:
            raise RequestError("The prompt is empty.", param="prompt")
        return tokens, thinks

    def _chat(self, frame: frames.Generate) -> tuple[list[int], bool]:
        if isinstance(self._template, ModelFileError):
            raise RequestError(self._template.message, param="messages", hint=self._template.hint)
        messages, found = self._guard.protect(frame.messages or [])
        text = self._template.render(messages, tools=frame.tools, variables=frame.template)
        doubled = self._info.bos and text.startswith(self._info.bos)
        opened = prompt.opens_thinking(text)
        parts = [*self._guard.split(text, found), *prompt.so_far(frame.thought, frame.said, opened=opened)]
        tokens = prompt.tokenize(
            parts,
            lambda part, special, begin: self._engine.tokenize(part, special=special, begin=begin),
            begin=not doubled,
        )
        return tokens, (opened or bool(frame.thought)) and not frame.said

    def _limit(self, frame: frames.Generate, used: int) -> int:
        """Return how many tokens the answer may have.

        Raises:
            ContextOverflowError: there is no room for a single one.
        """
        room = self._info.context - used
        if room < 1:
            raise ContextOverflowError(
                f"The prompt has {used} tokens; this model runs with a context of {self._info.context}, "
                "and the answer needs room too.",
                param="messages" if frame.prompt is None else "prompt",
                hint="Shorten the conversation, or run with a larger --context.",
            )
        return min(frame.max_tokens or room, room)

    def _admit(self) -> None:
        while self._waiting and self._engine.free:
            generation = self._waiting.popleft()
            generation.begin()
            try:
                slot = self._engine.start(SequenceRequest(generation.tokens, generation.request.sampling))
            except EdgewiseError as error:
                self._outgoing.add([_failure(generation.request.id, error)])
            else:
                self._running[slot] = generation

    def _advance(self) -> None:
        """Make a step, and rest after it as long as is wanted; a cancel takes effect all the same."""
        began = time.perf_counter()
        self._step()
        ended = time.perf_counter()
        end = ended + min(_LONGEST_REST, self._rest * (ended - began))
        while self._channel.open and (left := end - time.perf_counter()) > 0:
            self._outgoing.flush()
            self._receive(wait=left)

    def _step(self) -> None:
        try:
            events = self._engine.step()
        except EdgewiseError as error:
            for slot, generation in list(self._running.items()):
                self._outgoing.add([_failure(generation.request.id, error)])
                self._release(slot)
            return
        for event in events:
            generation = self._running[event.slot]
            if isinstance(event, Prefilled):
                self._outgoing.add(generation.prefilled(event))
                continue
            self._outgoing.add(generation.sampled(event))
            if generation.done:
                self._release(event.slot)

    def _cancel(self, number: int) -> None:
        for slot, generation in self._running.items():
            if generation.request.id == number:
                self._outgoing.add(generation.cancelled())
                self._release(slot)
                return
        for generation in self._waiting:
            if generation.request.id == number:
                self._outgoing.add(generation.cancelled())
                self._waiting.remove(generation)
                return

    def _release(self, slot: int) -> None:
        del self._running[slot]
        self._engine.release(slot)


def _chat_template(info: ModelInfo) -> ChatTemplate | ModelFileError:
    """Return the model's own template; without one ChatML if its marks are known, else plain roles."""
    fallback = CHATML if "<|im_" in info.bos + info.eos else PLAIN
    try:
        return ChatTemplate(info.chat_template or fallback, bos=info.bos, eos=info.eos)
    except ModelFileError as error:
        return error


def _failure(number: int, error: EdgewiseError) -> frames.Failed:
    param = error.param if isinstance(error, RequestError) else ""
    return frames.Failed(number, type(error).__name__, error.message, error.hint, param)


def main() -> None:
    """Run the engine process."""
    parser = argparse.ArgumentParser(prog="edgewise-engine")
    parser.add_argument("--fd", type=int, required=True, help="connected unix socket to the daemon")
    parser.add_argument("--engine", required=True, help="name of a module in agent/engines")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    connection = connect(arguments.fd)
    try:
        engine = engines.create(arguments.engine)
    except ConfigError as error:
        connection.sendall(frames.encode(frames.LoadFailed(error.message, error.hint)))
        return
    Worker(connection, engine).run()


if __name__ == "__main__":
    main()
