"""Where a run writes its logits: one buffer for all runs, because fresh pages of memory cost as much as a small model.

Most graphs compute logits for every token of a prompt, of which only the last are wanted. Graphs that were made with
a pruned head compute those alone, others can be told to.
"""

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from agent.batching.pace import LEAST_CHUNK
from agent.engines.onnx.session import TYPES, bind_input, bind_output
from agent.engines.onnx.signature import Signature
from agent.plan import Plan


class Logits:
    """The buffer, and how much of it a run needs.

    Attributes:
        vocabulary: number of tokens.
        rows: for how many tokens it has room.
    """

    def __init__(self, session: ort.InferenceSession, signature: Signature, plan: Plan) -> None:
        value = next(value for value in session.get_outputs() if value.name == signature.logits)
        _, tokens, vocabulary = value.shape
        self.vocabulary = int(vocabulary)
        self._name = signature.logits
        self._kept = signature.kept_logits
        self._one = np.array(1, np.int64)
        self._last_only = tokens == 1 or bool(self._kept)
        self.rows = plan.parallel if self._last_only else max(plan.parallel, plan.micro_batch, LEAST_CHUNK)
        self._buffer = np.empty(self.rows * self.vocabulary, TYPES[value.type])

    def bind(self, binding: ort.IOBinding, streams: int, new: int) -> NDArray[np.floating]:
        """Let a run of `new` tokens in each stream write here; returns the place, [streams, tokens, vocabulary]."""
        shape = (streams, 1 if self._last_only else new, self.vocabulary)
        place = self._buffer[: streams * shape[1] * self.vocabulary].reshape(shape)
        if self._kept:
            bind_input(binding, self._kept, self._one)
        bind_output(binding, self._name, place)
        return place
