"""What became of the requests, counted since the daemon was started; nothing of what was asked or answered."""

import math
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate

from agent.errors import EngineUnavailableError, QueueFullError
from agent.inference.frames import Timings

# Upper bounds of the buckets. Boards differ by three orders of magnitude, so the steps are about a factor of two.
WAITING = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)  # seconds
SPEED = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0, 50.0, 80.0, 120.0, 200.0)  # tokens per second
_RECENT = 50  # answers of which the quantiles are known exactly


class Histogram:
    """Counts values by size, for good, and keeps the latest as they are.

    Args:
        bounds: upper ends of the buckets, included in them, ascending; a last one without an end is added.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self.sum = 0.0
        self._bounds = (*bounds, math.inf)
        self._counts = [0] * len(self._bounds)
        self._recent: deque[float] = deque(maxlen=_RECENT)

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self._counts)

    def observe(self, value: float) -> None:
        """Add a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value
        self._recent.append(value)

    def buckets(self) -> list[tuple[float, int]]:
        """Return each upper bound, infinity at last, with the number of values that are no larger."""
        return list(zip(self._bounds, accumulate(self._counts), strict=True))

    def recent(self, share: float) -> float | None:
        """Return what this share of the latest values does not exceed (nearest rank): 0.5 for the median."""
        values = sorted(self._recent)
        return values[max(0, math.ceil(share * len(values)) - 1)] if values else None


class Requests:
    """What became of the requests.

    Attributes:
        started: requests that the engine was given, or that wait for it.
        answered: complete answers by reason: `stop`, `length` or `cancelled`.
        failed: requests that ended with an error, by its kind: the name of a class in `agent.errors`.
        rejected: requests that were turned away at once: `queue_full` or `unavailable`.
        prompt: tokens of all prompts.
        cached: of these, tokens that were in the KV cache already.
        completion: tokens of all answers.
        first_token: seconds from the request to the first token, the queue included.
        queued: seconds from the request to its first step.
        speed: tokens per second of one answer, after its first token.
    """

    def __init__(self) -> None:
        self.started = 0
        self.answered: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.prompt = self.cached = self.completion = 0
        self.first_token, self.queued, self.speed = Histogram(WAITING), Histogram(WAITING), Histogram(SPEED)

    def answer(self, reason: str, timings: Timings) -> None:
        """Count a complete answer; of one that was cancelled before it began, nobody knows how long it would take."""
        self.answered[reason] += 1
        self.prompt += timings.prompt
        self.cached += timings.cached
        self.completion += timings.completion
        if timings.completion:
            self.first_token.observe(timings.queued + timings.prefill)
            self.queued.observe(timings.queued)
        if timings.decode_rate:
            self.speed.observe(timings.decode_rate)

    @contextmanager
    def admission(self) -> Iterator[None]:
        """Count what is turned away while the block runs."""
        try:
            yield
        except QueueFullError:
            self.rejected["queue_full"] += 1
            raise
        except EngineUnavailableError:
            self.rejected["unavailable"] += 1
            raise
