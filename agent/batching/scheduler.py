"""Continuous batching over the slots of one engine: where a prompt starts, what each step computes, what is kept."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from agent.batching.archive import Archive
from agent.batching.cache import Cache
from agent.batching.pace import Pace
from agent.batching.slots import Slot, choose, common_prefix, donor, gap, plan
from agent.engines import Prefilled, Sampled

_Row = TypeVar("_Row")  # what an engine samples from
_WORTH_COPYING = 8  # tokens of a prompt; fewer are computed as soon
_WORTH_KEEPING = 64  # tokens that would be lost to a conversation


class Scheduler:
    """Places sequences in slots and divides the work among steps.

    Args:
        parallel: number of slots.
        cache: of the engine.
        archive: for conversations that have no slot.
        largest_step: tokens of a step.
        last: tokens at the end of a prompt that are computed in one step, also when they are in the cache. Where the
            kernels for one token round otherwise than those for several, two make a question that is asked again be
            answered as the first time.
    """

    def __init__(self, parallel: int, cache: Cache, archive: Archive, largest_step: int, last: int = 1) -> None:
        self.pace = Pace(largest_step)
        self._slots = [Slot(index) for index in range(parallel)]
        self._cache = cache
        self._archive = archive
        self._last = last
        self._clock = 0

    @property
    def free(self) -> int:
        """How many slots have no request."""
        return sum(not slot.busy for slot in self._slots)

    def place(self, prompt: list[int]) -> Slot:
        """Occupy the slot where most of a prompt is in the KV cache already; one must be free."""
        slot = choose(self._slots, prompt)
        self._take_over(slot, prompt)
        kept = self._cache.keep(slot, min(common_prefix(slot.cells, prompt), max(0, len(prompt) - self._last)))
        slot.pending = prompt[kept:]
        slot.prompt, slot.cached, slot.busy = len(prompt), kept, True
        slot.order = self._tick()
        return slot

    def step(
        self,
        compute: Callable[[Sequence[tuple[Slot, int]]], Mapping[int, _Row]],
        sample: Callable[[Slot, _Row], Sampled],
    ) -> list[Prefilled | Sampled]:
        """Advance all sequences; returns what came of it, by stream.

        Args:
            compute: processes so many pending tokens of each slot; returns by slot what the next token of those that
                have no more pending is sampled from.
            sample: draws that token.
        """
        work = self._work()
        if not work:
            return []
        rows = compute(work)
        progress = self._processed(work)
        events: list[Prefilled | Sampled] = []
        for slot, _ in work:
            if slot.index in progress:
                events.append(progress[slot.index])
            if slot.index in rows:
                events.append(sample(slot, rows[slot.index]))
        return events

    def release(self, index: int) -> None:
        """End a sequence; its cells stay."""
        slot = self._slots[index]
        slot.busy, slot.pending = False, []
        slot.order = self._tick()

    def _work(self) -> list[tuple[Slot, int]]:
        """Return who takes part in the next step, by stream, with the number of pending tokens each processes."""
        if apart := gap(self._slots):
            self._cache.exchange(*apart)
        return plan(self._slots, self.pace.budget(self._slots), self._last)

    def _processed(self, work: Sequence[tuple[Slot, int]]) -> dict[int, Prefilled]:
        """Note that the work is done; returns the progress of those who read their prompt, by slot."""
        progress = {}
        for slot, count in work:
            filling = len(slot.cells) < slot.prompt
            slot.cells += slot.pending[:count]
            del slot.pending[:count]
            if filling:
                progress[slot.index] = Prefilled(slot.index, len(slot.cells), slot.prompt, slot.cached)
        return progress

    def _tick(self) -> int:
        self._clock += 1
        return self._clock

    def _put_away(self, slot: Slot, prompt: Sequence[int]) -> None:
        """Save the conversation in a slot that the prompt does not continue."""
        lost = len(slot.cells) - common_prefix(slot.cells, prompt)
        if lost >= _WORTH_KEEPING and self._archive.room(self._cache.size(slot)):
            self._archive.put(self._cache.save(slot))

    def _take_over(self, slot: Slot, prompt: Sequence[int]) -> None:
        """Copy the beginning of a prompt from where there is most of it: the archive, or another slot."""
        known = common_prefix(slot.cells, prompt)
        source = donor(self._slots, slot, prompt, _WORTH_COPYING) if self._cache.divisible else None
        elsewhere = common_prefix(source.cells, prompt) if source else known
        entry = self._archive.take(prompt, elsewhere + _WORTH_COPYING)
        self._put_away(slot, prompt)
        if entry:
            self._cache.restore(entry, slot)
        elif source:
            self._cache.copy(source, slot)
