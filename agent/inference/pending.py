"""The answers in progress: who gets which event, how long an answer usually takes, and which had the engine alone."""

import time

from agent.errors import EdgewiseError
from agent.inference import frames
from agent.inference.answer import Answer

_FIRST_GUESS = 10.0  # seconds that an answer takes, until one was measured
_NEWS = 0.2  # weight of the latest answer in the running average


class Pending:
    """Answers by number, from the request to the last event."""

    def __init__(self) -> None:
        self._answers: dict[int, Answer] = {}
        self._begun: dict[int, float] = {}
        self._shared: set[int] = set()
        self._usual = _FIRST_GUESS

    def __len__(self) -> int:
        """Return how many are being answered or waiting."""
        return len(self._answers)

    def add(self, answer: Answer) -> None:
        """Begin with one; if there are others, none of them has the engine alone."""
        self._answers[answer.id] = answer
        self._begun[answer.id] = time.monotonic()
        if len(self._answers) > 1:
            self._shared.update(self._answers)

    def wait(self, parallel: int) -> float:
        """Return the seconds after which a place is likely to be free."""
        return self._usual * (1 + (len(self._answers) - parallel) / parallel)

    def dispatch(self, event: frames.Event) -> frames.Timings | None:
        """Hand an event to its answer; returns what an answer took that ended and had the engine alone."""
        answer = self._answers.get(event.id)
        if answer is None:  # failed or cancelled on this side already
            return None
        timings = None
        if isinstance(event, frames.Finished | frames.Failed):
            del self._answers[event.id]
            self._usual += _NEWS * (time.monotonic() - self._begun.pop(event.id) - self._usual)
            if isinstance(event, frames.Finished) and event.id not in self._shared:
                timings = event.timings
            self._shared.discard(event.id)
        answer.push(event)
        return timings

    def fail(self, error: EdgewiseError) -> None:
        """End all of them with an error."""
        answers = list(self._answers.values())
        self._answers.clear()
        self._begun.clear()
        self._shared.clear()
        for answer in answers:
            answer.fail(error)
