"""One request inside the engine process: its prompt, its text so far, its end, and what it cost."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.engines import Prefilled, Sampled
from agent.inference.frames import Delta, Event, Finished, Generate, Prefill, Started, Timings, TokenLogprob
from agent.inference.text import TextAssembler


@dataclass(slots=True)
class Generation:
    """Turns what the engine says about one slot into events for the daemon.

    Attributes:
        request: as the daemon sent it.
        tokens: of the rendered prompt.
        limit: most tokens of the answer; what the context has room for when the request names none.
        piece: the engine's token-to-bytes function, for the alternatives among log probabilities.
        thinks: whether the answer begins inside the model's thinking.
        done: whether the answer has ended; the slot is to be released.
    """

    request: Generate
    tokens: list[int]
    limit: int
    piece: Callable[[int], bytes]
    thinks: bool = False
    done: bool = False
    _text: TextAssembler = field(init=False)
    _arrived: float = field(default_factory=time.perf_counter)
    _begun: float = 0.0
    _first: float = 0.0
    _last: float = 0.0
    _cached: int = 0
    _reported: bool = False
    _sampled: int = 0
    _unsent: int = 0
    _logprobs: list[TokenLogprob] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._text = TextAssembler(self.request.stop)

    def begin(self) -> None:
        """Note that the request has left the queue."""
        self._begun = time.perf_counter()

    def prefilled(self, event: Prefilled) -> list[Event]:
        """Report the progress of the prompt; the first time also what was found in the cache."""
        progress = Prefill(self.request.id, event.processed)
        if self._reported:
            return [progress]
        self._reported, self._cached = True, event.cached
        return [Started(self.request.id, event.total, event.cached, self.thinks), progress]

    def sampled(self, event: Sampled) -> list[Event]:
        """Add a token; returns the text that became certain, and the end of the answer if this is it."""
        self._last = time.perf_counter()
        self._first = self._first or self._last
        self._sampled += 1
        self._unsent += 1
        text = "" if event.end else self._text.push(event.piece)
        if event.logprob is not None and not event.end:
            top = [(self.piece(token), logprob) for token, logprob in event.top]
            self._logprobs.append(TokenLogprob(event.piece, event.logprob, top))
        if self._text.stopped or (event.end and not self.request.ignore_end):
            return self._finish("stop", text)
        if self._sampled >= self.limit:
            return self._finish("length", text)
        return self._delta(text) if text else []

    def cancelled(self) -> list[Event]:
        """End the answer because the daemon asked for it."""
        return self._finish("cancelled", "")

    def _delta(self, text: str) -> list[Event]:
        logprobs = self._logprobs if self.request.sampling.top_logprobs is not None else None
        event = Delta(self.request.id, text, self._unsent, logprobs)
        self._unsent, self._logprobs = 0, []
        return [event]

    def _finish(self, reason: str, text: str) -> list[Event]:
        self.done = True
        rest = text + self._text.finish()
        events = self._delta(rest) if rest or self._unsent else []
        return [*events, Finished(self.request.id, reason, self._text.stop, self._timings())]

    def _timings(self) -> Timings:
        now = time.perf_counter()
        begun = self._begun or now
        first = self._first or now
        return Timings(
            prompt=len(self.tokens),
            cached=self._cached,
            completion=self._sampled,
            queued=begun - self._arrived,
            prefill=first - begun,
            decode=max(0.0, self._last - first),
        )
