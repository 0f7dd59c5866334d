"""The KV cache of graphs that return past and new keys and values joined, as exports for Transformers.js do.

Such a graph copies the whole past in each step, and has no way to compute sequences of different lengths together:
each runs alone. What a step returns is bound as the past of the next one.
"""

from collections.abc import Sequence
from math import prod
from typing import TypeAlias

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from agent.batching.archive import Entry
from agent.batching.slots import Slot
from agent.engines.onnx.logits import Logits
from agent.engines.onnx.session import TYPES, bind_input, computing
from agent.engines.onnx.signature import Signature
from agent.errors import EngineError
from agent.plan import Plan

Layers: TypeAlias = list[ort.OrtValue]
_ALIKE = 0.1  # of the length of a vector; int8 kernels that see other batches differ by a hundredth


class GrowingCache:
    """Keys and values of all layers by stream, each [1, heads, cells, head size]. See `agent.batching.cache.Cache`."""

    divisible = True

    def __init__(self, session: ort.InferenceSession, signature: Signature, plan: Plan) -> None:
        self._session = session
        self._signature = signature
        inputs = {value.name: value for value in session.get_inputs()}
        self._nothing = [
            ort.OrtValue.ortvalue_from_numpy(
                np.empty(signature.cache_shape(inputs[past], 1, 0), TYPES[inputs[past].type])
            )
            for past, _ in signature.cache
        ]
        self._streams: list[Layers] = [list(self._nothing) for _ in range(plan.parallel)]
        self._logits = Logits(session, signature, plan)
        self._appends = self._can_append()

    @property
    def vocabulary(self) -> int:
        """Tokens for which the graph computes logits."""
        return self._logits.vocabulary

    def compute(self, work: Sequence[tuple[Slot, int]]) -> dict[int, NDArray[np.floating]]:
        """Process pending tokens; returns the logits after the last of them, by slot, for slots that have no more."""
        rows = {}
        for slot, count in work:
            pieces = count if self._past(slot.stream) and not self._appends else 1
            for piece in np.array_split(slot.pending[:count], pieces):
                rows[slot.index] = self._run(slot.stream, piece)
        finished = {slot.index for slot, count in work if count == len(slot.pending)}
        return {index: row for index, row in rows.items() if index in finished}

    def keep(self, slot: Slot, count: int) -> int:
        """Cut a slot back."""
        self._cut(slot.stream, count)
        slot.cells = slot.cells[:count]
        return count

    def size(self, slot: Slot) -> int:
        """Return the bytes of a slot's keys and values."""
        return sum(layer.tensor_size_in_bytes() for layer in self._streams[slot.stream])

    def save(self, slot: Slot) -> Entry:
        """Return a copy of a slot's keys and values, layer after layer."""
        self._cut(slot.stream, len(slot.cells))
        return Entry(list(slot.cells), b"".join(layer.numpy().tobytes() for layer in self._streams[slot.stream]))

    def restore(self, entry: Entry, slot: Slot) -> None:
        """Give a slot keys and values that were saved."""
        layers: Layers = []
        offset = 0
        for nothing in self._nothing:
            _, heads, _, size = nothing.shape()
            shape = (1, heads, len(entry.cells), size)
            layer = np.frombuffer(entry.state, nothing.numpy().dtype, prod(shape), offset)
            layers.append(ort.OrtValue.ortvalue_from_numpy(layer.reshape(shape)))
            offset += layer.nbytes
        self._streams[slot.stream] = layers
        slot.cells = list(entry.cells)

    def copy(self, source: Slot, target: Slot) -> None:
        """Give a slot the same keys and values as another; nobody writes into them, so they are shared."""
        self._streams[target.stream] = list(self._streams[source.stream])
        target.cells = list(source.cells)

    def exchange(self, left: Slot, right: Slot) -> bool:
        """Have two slots change streams."""
        streams = self._streams
        streams[left.stream], streams[right.stream] = streams[right.stream], streams[left.stream]
        left.stream, right.stream = right.stream, left.stream
        return True

    def _past(self, stream: int) -> int:
        cells: int = self._streams[stream][0].shape()[2]
        return cells

    def _cut(self, stream: int, count: int) -> None:
        if count < self._past(stream):
            self._streams[stream] = [
                ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(layer.numpy()[:, :, :count]))
                for layer in self._streams[stream]
            ]

    def _can_append(self) -> bool:
        """Show whether several tokens at once can follow others.

        There are graphs whose causal mask knows whole prompts and single tokens only: they fail, or let tokens see
        what comes after them.
        """
        keys = []
        for sizes in ((1, 1, 1), (1, 2)):
            try:
                for tokens in np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1]):
                    self._run(0, tokens)
            except EngineError:
                return False
            finally:
                last = self._streams[0][-1].numpy().astype(np.float32)
                self._streams[0] = list(self._nothing)
            keys.append(last)
        alone, together = keys
        return bool(np.linalg.norm(alone - together) < _ALIKE * np.linalg.norm(alone))

    def _run(self, stream: int, new: NDArray[np.int64]) -> NDArray[np.floating]:
        """Append tokens to a stream; returns the logits after the last, [vocabulary]."""
        past, count = self._past(stream), len(new)
        tokens = new[None].astype(np.int64)
        mask = np.ones((1, past + count), np.int64)
        positions = np.arange(past, past + count, dtype=np.int64)[None]
        binding = self._session.io_binding()
        bind_input(binding, self._signature.tokens, tokens)
        bind_input(binding, self._signature.mask, mask)
        if self._signature.positions:
            bind_input(binding, self._signature.positions, positions)
        for (name, present), layer in zip(self._signature.cache, self._streams[stream], strict=True):
            binding.bind_ortvalue_input(name, layer)
            binding.bind_output(present, "cpu")
        logits = self._logits.bind(binding, 1, count)
        with computing():
            self._session.run_with_iobinding(binding)
        self._streams[stream] = list(binding.get_outputs()[:-1])
        last: NDArray[np.floating] = logits[0, -1].copy()
        return last
