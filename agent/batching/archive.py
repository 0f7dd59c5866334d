"""Conversations that had to leave their slot, kept in memory for when they go on.

With more conversations than slots, each new one would cost another its KV cache, and the next turn there the whole
prefill. Reading a state out and back takes about 10 µs a token, computing it 2,500 (SmolLM2-135M on two cores).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from agent.batching.slots import common_prefix

State: TypeAlias = bytearray | bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """The tokens of a conversation and their keys and values, as the engine writes them."""

    cells: list[int]
    state: State


class Archive:
    """The most recently used conversations, within a number of bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: list[Entry] = []  # least recently used first

    @property
    def size(self) -> int:
        """Bytes of all states."""
        return sum(len(entry.state) for entry in self._entries)

    def room(self, size: int) -> bool:
        """Whether a state of this size can be kept at all."""
        return size <= self._limit

    def resize(self, limit: int) -> None:
        """Keep so many bytes from now on."""
        self._limit = limit
        self._make_room()

    def put(self, entry: Entry) -> None:
        """Keep a conversation; earlier turns of it and what has not been used for longest make room."""
        self._entries = [other for other in self._entries if common_prefix(other.cells, entry.cells) < len(other.cells)]
        self._entries.append(entry)
        self._make_room()

    def take(self, prompt: Sequence[int], least: int) -> Entry | None:
        """Return and forget the conversation that has most of a prompt, if it has at least `least` tokens of it."""
        best = max(self._entries, key=lambda entry: common_prefix(entry.cells, prompt), default=None)
        if best is None or common_prefix(best.cells, prompt) < least:
            return None
        self._entries.remove(best)
        return best

    def _make_room(self) -> None:
        while self.size > self._limit:
            del self._entries[0]
