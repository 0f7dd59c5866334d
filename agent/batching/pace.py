"""How much of the waiting prompts one step computes, so that it takes about as long as it should."""

from collections.abc import Sequence

from agent.batching.slots import Slot

_ALONE = 0.75  # seconds of prefill in one step while nobody decodes: the longest a Stop or a newcomer waits
_SHARED = 0.12  # seconds of prefill in one step while others decode: a pause in their text that one hardly sees
LEAST_CHUNK = 16  # tokens; below this the matrix kernels lose more than a half of their throughput
_INERTIA = 0.7  # weight of what was known before a new measurement


class Pace:
    """Learns how fast prefill is and divides it among steps."""

    def __init__(self, largest: int) -> None:
        self._largest = largest  # tokens of a step
        self._rate = 0.0  # prompt tokens per second, measured as we go

    def budget(self, slots: Sequence[Slot]) -> int:
        """Return how many prompt tokens the next step may process.

        Those who decode pause for that time, so the more of them there are for each one who waits, the shorter.
        """
        decoding = sum(slot.decoding for slot in slots)
        waiting = sum(slot.prefilling for slot in slots)
        seconds = min(_ALONE, _SHARED * max(1.0, waiting / decoding)) if decoding else _ALONE
        return max(LEAST_CHUNK, min(int(self._rate * seconds), self._largest - decoding))

    def learn(self, counts: Sequence[int], seconds: float) -> None:
        """Take in what a step took that processed so many tokens for each of its sequences."""
        if max(counts) >= LEAST_CHUNK:
            rate = sum(counts) / seconds
            self._rate = _INERTIA * self._rate + (1 - _INERTIA) * rate if self._rate else rate
