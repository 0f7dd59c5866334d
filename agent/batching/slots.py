"""Which sequence lives in which slot, and which tokens go into the next step. Pure logic, no library.

A slot holds one sequence in one stream of the KV cache. Its `cells` are the tokens whose keys and values are stored
there; after an answer they stay, so that the next turn of the same conversation needs only its new tokens (prefix
reuse).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile


@dataclass(slots=True)
class Slot:
    """One place for a sequence.

    Attributes:
        index: what the worker knows it by.
        cells: tokens in the cache, in order.
        pending: tokens to process before the next one can be sampled; one while decoding, more during prefill.
        busy: whether a request owns the slot.
        order: rises with each start and release: among busy slots the older request, among free ones the
            longer unused.
        prompt: length of the current request's prompt.
        cached: how much of it was in the cache.
        stream: sequence id in the KV cache, at first the index; slots may change streams.
    """

    index: int
    cells: list[int] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)
    busy: bool = False
    order: int = 0
    prompt: int = 0
    cached: int = 0
    stream: int = -1

    def __post_init__(self) -> None:
        if self.stream < 0:
            self.stream = self.index

    @property
    def decoding(self) -> bool:
        """Whether the next step of this slot yields a token with a single token of work."""
        return self.busy and len(self.pending) == 1

    @property
    def prefilling(self) -> bool:
        """Whether more than one token is waiting to be processed."""
        return self.busy and len(self.pending) > 1


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """Return how many tokens two sequences share at their beginning."""
    if left[: len(right)] == right[: len(left)]:  # the common case, at the speed of memcmp
        return min(len(left), len(right))
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))


def choose(slots: Sequence[Slot], prompt: Sequence[int]) -> Slot:
    """Return the free slot in which the prompt shall run; there must be one.

    A slot that holds mostly the beginning of this prompt is the same conversation and wins. Otherwise nothing
    worth keeping should be lost: an empty slot, or the one unused for longest.
    """
    free = [slot for slot in slots if not slot.busy]
    shared = {slot.index: common_prefix(slot.cells, prompt) for slot in free}
    known = [slot for slot in free if 2 * shared[slot.index] > len(slot.cells)]
    if known:
        return max(known, key=lambda slot: (shared[slot.index], slot.order))
    return min(free, key=lambda slot: (bool(slot.cells), slot.order))


def gap(slots: Sequence[Slot]) -> tuple[Slot, Slot] | None:
    """Return a busy slot and an idle one that should change streams, so that the busy streams are neighbours.

    None when they are already. The busy slot in the highest stream goes into the lowest hole.
    """
    busy = sorted((slot for slot in slots if slot.busy), key=lambda slot: slot.stream)
    if not busy or busy[-1].stream - busy[0].stream == len(busy) - 1:
        return None
    taken = {slot.stream for slot in busy}
    hole = next(stream for stream in range(busy[0].stream, busy[-1].stream) if stream not in taken)
    return busy[-1], next(slot for slot in slots if slot.stream == hole)


def donor(slots: Sequence[Slot], target: Slot, prompt: Sequence[int], least: int) -> Slot | None:
    """Return another slot from which it pays to copy: it has `least` more tokens of the prompt than the target.

    All its cells are copied, of which a hundred and more cost as much as computing one token.
    """
    best = max(
        (slot for slot in slots if slot is not target),
        key=lambda s: common_prefix(s.cells, prompt),
        default=None,
    )
    if best is None:
        return None
    gain = common_prefix(best.cells, prompt) - common_prefix(target.cells, prompt)
    return best if gain >= least + len(best.cells) // 128 else None


def plan(slots: Sequence[Slot], budget: int, last: int = 1) -> list[tuple[Slot, int]]:
    """Return the slots that take part in the next step, by stream, with the number of tokens each processes.

    Everyone who decodes takes part. What prompts may add is `budget` tokens: the shortest remaining one first, so
    that a short question overtakes a long document, but at least half of it goes to the oldest, so that nobody
    starves. The `last` tokens of a prompt stay together.
    """
    shares = {slot.index: 1 for slot in slots if slot.decoding}
    waiting = sorted((slot for slot in slots if slot.prefilling), key=lambda slot: len(slot.pending))
    if waiting:
        oldest = min(waiting, key=lambda slot: slot.order)
        shares[oldest.index] = min(len(oldest.pending), max(1, budget // 2))
        left = budget - shares[oldest.index]
        for slot in waiting:
            count = min(len(slot.pending) - shares.get(slot.index, 0), left)
            shares[slot.index] = shares.get(slot.index, 0) + count
            left -= count
        for slot in waiting:
            rest = len(slot.pending) - shares[slot.index]
            if 0 < rest < last:
                shares[slot.index] = max(0, shares[slot.index] - last + rest)
    taking_part = sorted((slot for slot in slots if shares.get(slot.index)), key=lambda slot: slot.stream)
    return [(slot, shares[slot.index]) for slot in taking_part]
