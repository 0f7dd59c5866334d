"""What an engine's KV cache must be able to do for the scheduler."""

from typing import Protocol

from agent.batching.archive import Entry
from agent.batching.slots import Slot


class Cache(Protocol):
    """Moves the keys and values of tokens; `Slot.cells` and `Slot.stream` are kept true."""

    @property
    def divisible(self) -> bool:
        """Whether any beginning of a sequence can be kept."""

    def keep(self, slot: Slot, count: int) -> int:
        """Cut a slot back to its first `count` tokens; returns how many could be kept, `count` or 0."""

    def size(self, slot: Slot) -> int:
        """Return the bytes of a slot's state."""

    def save(self, slot: Slot) -> Entry:
        """Return the contents of a slot."""

    def restore(self, entry: Entry, slot: Slot) -> None:
        """Give a slot contents that were saved."""

    def copy(self, source: Slot, target: Slot) -> None:
        """Give a slot the same contents as another."""

    def exchange(self, left: Slot, right: Slot) -> bool:
        """Have two slots change streams; False when that would need too much memory for a moment."""
