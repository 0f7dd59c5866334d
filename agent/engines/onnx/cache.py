"""The KV cache of graphs with GroupQueryAttention, and one step of computation in it.

Each layer has one buffer for all streams. Past and present of the operator are the same memory, so that a step writes
the new keys and values in their place and copies nothing, and the bindings stay as they are from step to step: with
SmolLM2-135M on two cores 1.2, 1.5 and 2.2 times the tokens per second of onnxruntime-genai for 1, 4 and 8 sequences.
The attention mask says how long each row is, so sequences of different lengths share a batch.
"""

from collections.abc import Sequence

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from agent.batching.archive import Entry
from agent.batching.slots import Slot
from agent.engines.onnx.logits import Logits
from agent.engines.onnx.session import TYPES, bind_input, bind_output, computing
from agent.engines.onnx.signature import Signature
from agent.plan import Plan


class SharedCache:
    """Buffers of all layers, and the session that works in them. See `agent.batching.cache.Cache`."""

    divisible = True  # GroupQueryAttention keeps all keys and values, also with a sliding window

    def __init__(self, session: ort.InferenceSession, signature: Signature, plan: Plan, context: int) -> None:
        self._session = session
        self._signature = signature
        self._context = context
        # A graph with two sets of rotary factors chooses by the width of the mask, for the whole batch. Keys turned by
        # one set do not go with those of the other, so one of them serves for all; llama.cpp decides likewise.
        self._least = signature.switch + 1 if 0 < signature.switch < context else 0  # columns of the mask
        inputs = {value.name: value for value in session.get_inputs()}
        cells = max(context, signature.window)
        self._buffers = [
            # Zeroed memory is given by the kernel when it is first written.
            np.zeros(signature.cache_shape(inputs[past], plan.parallel, cells), TYPES[inputs[past].type])
            for past, _ in signature.cache
        ]
        self._lengths = [0] * plan.parallel  # cells by stream
        self._bindings: dict[tuple[int, int], ort.IOBinding] = {}
        self._logits = Logits(session, signature, plan)

    @property
    def vocabulary(self) -> int:
        """Tokens for which the graph computes logits."""
        return self._logits.vocabulary

    def compute(self, work: Sequence[tuple[Slot, int]]) -> dict[int, NDArray[np.floating]]:
        """Process pending tokens; returns the logits after the last of them, by slot, for slots that have no more.

        All who have a single token go through the model together, each chunk of a prompt alone.
        """
        single = [slot for slot, count in work if count == 1]
        rows = self._together(single) if single else {}
        for slot, count in work:
            if count > 1:
                logits = self._run(slot.stream, np.array([slot.pending[:count]], np.int64))
                self._lengths[slot.stream] += count
                rows[slot.index] = logits[0]
        finished = {slot.index for slot, count in work if count == len(slot.pending)}
        return {index: row for index, row in rows.items() if index in finished}

    def keep(self, slot: Slot, count: int) -> int:
        """Cut a slot back; what is behind its cells is overwritten before anything looks at it."""
        slot.cells = slot.cells[:count]
        self._lengths[slot.stream] = count
        return count

    def size(self, slot: Slot) -> int:
        """Return the bytes of a slot's keys and values."""
        return sum(buffer[0, :, : len(slot.cells)].nbytes for buffer in self._buffers)

    def save(self, slot: Slot) -> Entry:
        """Return a copy of a slot's keys and values, layer after layer."""
        parts = [buffer[slot.stream, :, : len(slot.cells)].tobytes() for buffer in self._buffers]
        return Entry(list(slot.cells), b"".join(parts))

    def restore(self, entry: Entry, slot: Slot) -> None:
        """Give a slot keys and values that were saved."""
        offset = 0
        for buffer in self._buffers:
            target = buffer[slot.stream, :, : len(entry.cells)]
            part = np.frombuffer(entry.state, buffer.dtype, target.size, offset)
            target[:] = part.reshape(target.shape)
            offset += part.nbytes
        slot.cells = list(entry.cells)
        self._lengths[slot.stream] = len(slot.cells)

    def copy(self, source: Slot, target: Slot) -> None:
        """Give a slot the same keys and values as another."""
        for buffer in self._buffers:
            buffer[target.stream, :, : len(source.cells)] = buffer[source.stream, :, : len(source.cells)]
        target.cells = list(source.cells)
        self._lengths[target.stream] = len(target.cells)

    def exchange(self, left: Slot, right: Slot) -> bool:
        """Have two slots change streams, one layer after the other."""
        cells = max(len(left.cells), len(right.cells))
        for buffer in self._buffers:
            buffer[[left.stream, right.stream], :, :cells] = buffer[[right.stream, left.stream], :, :cells]
        left.stream, right.stream = right.stream, left.stream
        self._lengths[left.stream], self._lengths[right.stream] = len(left.cells), len(right.cells)
        return True

    def _together(self, slots: Sequence[Slot]) -> dict[int, NDArray[np.floating]]:
        """Compute one token for each slot in one run over the streams from the first to the last of them.

        A stream between them that takes no part gets a token behind its cells, where its own next one will be.
        """
        first = min(slot.stream for slot in slots)
        last = max(slot.stream for slot in slots)
        tokens = np.zeros((last - first + 1, 1), np.int64)
        for slot in slots:
            tokens[slot.stream - first] = slot.pending[0]
        logits = self._run(first, tokens)
        for slot in slots:
            self._lengths[slot.stream] += 1
        return {slot.index: logits[slot.stream - first] for slot in slots}

    def _run(self, first: int, tokens: NDArray[np.int64]) -> NDArray[np.floating]:
        """Append tokens, shape [streams, new], to neighbouring streams; returns logits [streams, vocabulary]."""
        streams, new = tokens.shape
        # A full stream that takes no part loses its last cell, which no prompt can continue.
        past = np.array(self._lengths[first : first + streams], np.int64)[:, None].clip(max=self._context - new)
        mask = (np.arange(max(past.max() + new, self._least)) < past + new).astype(np.int64)
        positions = past + np.arange(new)
        binding = self._binding(first, streams)
        bind_input(binding, self._signature.tokens, tokens)
        bind_input(binding, self._signature.mask, mask)
        if self._signature.positions:
            bind_input(binding, self._signature.positions, positions)
        logits = self._logits.bind(binding, streams, new)
        with computing():
            self._session.run_with_iobinding(binding)
        return logits[:, -1].copy()

    def _binding(self, first: int, streams: int) -> ort.IOBinding:
        known = self._bindings.get((first, streams))
        if known is None:
            known = self._bindings[first, streams] = self._session.io_binding()
            for (past, present), buffer in zip(self._signature.cache, self._buffers, strict=True):
                part = buffer[first : first + streams]
                bind_input(known, past, part)
                bind_output(known, present, part)
        return known
