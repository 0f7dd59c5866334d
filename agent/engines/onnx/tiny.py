"""A decoder of one layer, small enough for every accelerator: what an execution provider must compute to be believed.

Only operators that ONNX itself defines, and fixed shapes, since compilers for NPUs know nothing else.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.onnx.writing import FLOAT, INT32, GraphWriter

_HIDDEN, _HEADS, _PAST, _VOCABULARY = 32, 2, 3, 64
_SIZE = _HIDDEN // _HEADS
_KEYS, _VALUES = (1, _HEADS, _SIZE, _PAST), (1, _HEADS, _PAST, _SIZE)
_SEED = 7
OUTPUT = "logits"


def graph() -> bytes:
    """Return the model: one token and three past ones in, logits [1, 1, vocabulary] out."""
    writer = _Writer("one token")
    token = writer.input("token", INT32, [1, 1])
    keys, values = writer.input("keys", FLOAT, _KEYS), writer.input("values", FLOAT, _VALUES)
    state = writer.node("Gather", [writer.weight(_VOCABULARY, _HIDDEN), token])
    normal = writer.normalised(state)
    query = writer.node("Reshape", [writer.linear(normal), writer.constant("row", [1, _HEADS, 1, _SIZE])])
    column = writer.constant("column", [1, _HEADS, _SIZE, 1])
    key = writer.node("Concat", [keys, writer.node("Reshape", [writer.linear(normal), column])], axis=3)
    value = writer.node("Concat", [values, writer.node("Reshape", [writer.linear(normal), "row"])], axis=2)
    scores = writer.node("Softmax", [writer.node("MatMul", [query, key])], axis=3)
    seen = writer.node("Reshape", [writer.node("MatMul", [scores, value]), writer.constant("flat", [1, 1, _HIDDEN])])
    state = writer.node("Add", [state, writer.linear(seen)])
    up = writer.linear(writer.normalised(state))
    gated = writer.node("Mul", [up, writer.node("Sigmoid", [up])])
    state = writer.node("Add", [state, writer.linear(gated)])
    writer.node("MatMul", [writer.normalised(state), writer.weight(_HIDDEN, _VOCABULARY)], result=OUTPUT)
    writer.output(OUTPUT, [1, 1, _VOCABULARY])
    return writer.model()


def feeds() -> dict[str, NDArray[Any]]:
    """Return what goes in."""
    random = np.random.default_rng(_SEED)
    keys, values = (random.normal(0, 1, shape).astype(np.float32) for shape in (_KEYS, _VALUES))
    return {"token": np.array([[5]], np.int32), "keys": keys, "values": values}


class _Writer(GraphWriter):
    """Adds layers with weights of their own."""

    def weight(self, *shape: int) -> str:
        self._count += 1
        random = np.random.default_rng(self._count)
        return self._floats(shape, random.normal(0, shape[0] ** -0.5, shape))

    def linear(self, state: str) -> str:
        return self.node("MatMul", [state, self.weight(_HIDDEN, _HIDDEN)])

    def normalised(self, state: str) -> str:
        """Divide by the root of the mean square."""
        self._count += 1
        axes = self.constant(f"axes_{self._count}", [-1])
        mean = self.node("ReduceMean", [self.node("Mul", [state, state]), axes])
        return self.node("Div", [state, self.node("Sqrt", [self.node("Add", [mean, self._floats((1,), [1e-6])])])])

    def _floats(self, shape: Sequence[int], values: object) -> str:
        self._count += 1
        return self.tensor(f"floats_{self._count}", FLOAT, shape, np.asarray(values, np.float32).tobytes())
