"""The KV cache of all slots: cut back, copied between streams, and kept together.

llama.cpp computes only neighbouring streams in one batch (`split_equal`, `sequential`, in llama-batch.cpp): four
sequences in streams 0, 2, 4, 6 need four passes over the weights where 0 to 3 need one. Measured with SmolLM2-135M
on two cores: 31 ms a step against 21. So a slot is not tied to a stream; when a gap opens, contents change places.
"""

import ctypes

import llama_cpp.llama_cpp as lib

from agent.batching.archive import Entry, State
from agent.batching.slots import Slot

_MAX_MOVE = 256 * 1024 * 1024  # bytes held twice while two streams change places


class Cache:
    """Moves the keys and values of tokens; `Slot.cells` and `Slot.stream` are kept true."""

    def __init__(self, model: lib.llama_model_p, context: lib.llama_context_p) -> None:
        self._context = context
        self._memory = lib.llama_get_memory(context)
        self._window = lib.llama_model_n_swa(model)
        self._recurrent = lib.llama_model_is_recurrent(model) or lib.llama_model_is_hybrid(model)

    @property
    def divisible(self) -> bool:
        """Whether any beginning of a sequence can be kept: not with a sliding window or a recurrent state."""
        return not self._window and not self._recurrent

    def keep(self, slot: Slot, count: int) -> int:
        """Cut a slot back to its first `count` tokens; returns how many could be kept, `count` or 0."""
        first = lib.llama_memory_seq_pos_min(self._memory, slot.stream)
        window_left = not self._window or first <= max(0, count - self._window)
        kept = count and window_left and lib.llama_memory_seq_rm(self._memory, slot.stream, count, -1)
        if not kept:
            lib.llama_memory_seq_rm(self._memory, slot.stream, -1, -1)
            count = 0
        slot.cells = slot.cells[:count]
        return count

    def size(self, slot: Slot) -> int:
        """Return the bytes of a slot's state."""
        return int(lib.llama_state_seq_get_size(self._context, slot.stream))

    def save(self, slot: Slot) -> Entry:
        """Return the contents of a slot."""
        return Entry(list(slot.cells), self._read(slot.stream))

    def restore(self, entry: Entry, slot: Slot) -> None:
        """Give a slot contents that were saved."""
        self._write(slot.stream, entry.state)
        slot.cells = list(entry.cells)

    def copy(self, source: Slot, target: Slot) -> None:
        """Give a slot the same contents as another; about 10 µs per token, where computing takes 2,500."""
        self.restore(self.save(source), target)

    def exchange(self, left: Slot, right: Slot) -> bool:
        """Have two slots change streams; False when that would need too much memory for a moment."""
        if self.size(left) + self.size(right) > _MAX_MOVE:
            return False
        states = [self._read(slot.stream) for slot in (left, right)]
        left.stream, right.stream = right.stream, left.stream
        for slot, state in zip((left, right), states, strict=True):
            self._write(slot.stream, state)
        return True

    def _read(self, stream: int) -> State:
        size = lib.llama_state_seq_get_size(self._context, stream)
        state = bytearray(size)
        lib.llama_state_seq_get_data(self._context, _view(state), size, stream)
        return state

    def _write(self, stream: int, state: State) -> None:
        lib.llama_memory_seq_rm(self._memory, stream, -1, -1)
        lib.llama_state_seq_set_data(self._context, _view(state), len(state), stream)


def _view(state: State) -> "ctypes.Array[ctypes.c_uint8]":
    return (ctypes.c_uint8 * len(state)).from_buffer(state)
