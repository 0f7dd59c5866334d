"""The answers in progress: who gets which event, how long an answer usually takes, and which had the engine alone."""

import asyncio
import contextlib
import time
from dataclasses import dataclass

from agent.errors import EdgewiseError, QueueFullError
from agent.inference import frames
from agent.inference.answer import Answer
from agent.metrics import Requests
from agent.phrase import Phrase

_FIRST_GUESS = 10.0  # seconds that an answer takes, until one was measured
_NEWS = 0.2  # weight of the latest answer in the running average
_LONGEST_RETRY = 120  # seconds, said to clients when too many wait
_LEAST_SHARE = 4


def share(queue: int) -> int:
    """Return how many places of a queue one person or key may hold, so that others get in: half of them, at least 4."""
    return min(queue, max(queue // 2, _LEAST_SHARE))


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the queue: 1 is next; `seconds` until it is begun, estimated."""

    position: int
    seconds: float


class Pending:
    """Answers by number, from the request to the last event."""

    def __init__(self) -> None:
        self._answers: dict[int, Answer] = {}
        self._begun: dict[int, float] = {}
        self._waiting: dict[int, str] = {}  # who asks, by number in the order of arrival
        self.tokens = 0  # sampled so far, by all answers together
        self.requests = Requests()
        self._shared: set[int] = set()
        self._usual = _FIRST_GUESS
        self._none = asyncio.Event()
        self._none.set()

    def __len__(self) -> int:
        """Return how many are being answered or waiting."""
        return len(self._answers)

    def add(self, answer: Answer, who: str = "") -> None:
        """Begin with one; if there are others, none of them has the engine alone. `who` is that of `require_room`."""
        self._none.clear()
        self.requests.started += 1
        self._answers[answer.id] = answer
        self._begun[answer.id] = time.monotonic()
        self._waiting[answer.id] = who
        if len(self._answers) > 1:
            self._shared.update(self._answers)

    @property
    def waiting(self) -> int:
        """How many have not been begun."""
        return len(self._waiting)

    def place(self, number: int, parallel: int) -> Place | None:
        """Return where an answer stands in the queue; None once it is begun.

        Places come free about every `usual / parallel` seconds, `usual` being what an answer takes.
        """
        if number not in self._waiting:
            return None
        position = list(self._waiting).index(number) + 1
        return Place(position, self._usual * position / parallel)

    def require_room(self, parallel: int, queue: int, who: str = "") -> None:
        """Do nothing if one more may wait where so many are answered at a time.

        Args:
            parallel: how many are answered at a time.
            queue: how many may wait.
            who: whoever asks, by any name, may not hold more than a share of the queue; empty: nobody counts them.

        Raises:
            QueueFullError: too many are waiting; says after which time a place is likely to be free.
        """
        count = len(self._answers)
        retry_after = max(1, round(min(self._usual * count / parallel, _LONGEST_RETRY)))
        if count >= parallel + queue:
            raise QueueFullError(
                Phrase(
                    "errors.queue_full",
                    "{count} requests are being answered or waiting, which is all that may.",
                    count=count,
                ),
                retry_after=retry_after,
                hint=Phrase("errors.queue_full_hint", "Ask again later, or raise --queue."),
            )
        # Who has just come waits until the engine takes them, but takes no place of the queue while slots are free.
        waiting = min(count + 1 - parallel, list(self._waiting.values()).count(who) + 1)
        if who and waiting > share(queue):
            raise QueueFullError(
                f"{share(queue)} of your requests are waiting, which is your share of the queue; others still get in.",
                retry_after=retry_after,
                hint="Ask again when one of them is answered.",
            )

    def dispatch(self, event: frames.Event) -> frames.Timings | None:
        """Hand an event to its answer; returns what an answer took that ended and had the engine alone."""
        answer = self._answers.get(event.id)
        if answer is None:  # failed or cancelled on this side already
            return None
        if isinstance(event, frames.Delta):
            self.tokens += event.tokens
        else:
            self._waiting.pop(event.id, None)
        timings = self._end(event) if isinstance(event, frames.Finished | frames.Failed) else None
        answer.push(event)
        return timings

    def fail(self, error: EdgewiseError) -> None:
        """End all of them with an error."""
        answers = list(self._answers.values())
        self.requests.failed[type(error).__name__] += len(answers)
        self._answers.clear()
        self._begun.clear()
        self._waiting.clear()
        self._shared.clear()
        self._none.set()
        for answer in answers:
            answer.fail(error)

    async def none_left(self) -> None:
        """Wait for the next moment in which nobody is being answered."""
        while self._answers:
            await self._none.wait()

    async def quiet(self, patience: float) -> bool:
        """Wait at most so many seconds for such a moment; tell whether it is one now."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self.none_left()
        return not self._answers

    def _end(self, event: frames.Finished | frames.Failed) -> frames.Timings | None:
        """Forget an answer; what it took says how long others will take, and alone, how fast the model is."""
        del self._answers[event.id]
        seconds = time.monotonic() - self._begun.pop(event.id)
        alone = event.id not in self._shared
        self._shared.discard(event.id)
        if not self._answers:
            self._none.set()
        if isinstance(event, frames.Failed):  # mostly at once, because of what was asked
            self.requests.failed[event.kind] += 1
            return None
        self.requests.answer(event.reason, event.timings)
        self._usual += _NEWS * (seconds - self._usual)
        return event.timings if alone else None
