"""What goes into a graph and what comes out of it."""

from dataclasses import dataclass

import onnxruntime as ort

from agent.onnx import ModelFolder
from agent.onnx.graph import Graph

_ROTATING = {"GroupQueryAttention", "RotaryEmbedding"}


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs and outputs.

    Attributes:
        tokens: input, int64 [batch, new].
        mask: input, int64 [batch, past + new].
        positions: input, int64 [batch, new]; empty where the graph counts by itself.
        kept_logits: input, int64: for how many of the last tokens logits are wanted; empty where there is none.
        logits: output [batch, new or 1, vocabulary].
        cache: for each key and each value cache its input and its output, [batch, kv_heads, cells, head_size].
        kv_heads: where a graph does not say it itself.
        head_size: likewise.
        switch: tokens above which the graph turns positions by the factors for long texts; 0 where it has no two sets.
        window: cells that a cache has at least, whatever the context.
    """

    tokens: str
    mask: str
    positions: str
    kept_logits: str
    logits: str
    cache: tuple[tuple[str, str], ...]
    kv_heads: int
    head_size: int
    switch: int
    window: int

    def cache_shape(self, value: ort.NodeArg, streams: int, cells: int) -> tuple[int, int, int, int]:
        """Return the shape of a cache input; of its four dimensions some builders write only names into the graph."""
        _, heads, _, size = value.shape
        return (
            streams,
            heads if isinstance(heads, int) else self.kv_heads,
            cells,
            size if isinstance(size, int) else self.head_size,
        )


def signature_of(folder: ModelFolder) -> Signature:
    """Return the signature of a model's graph."""
    names = folder.names
    patterns = ((names.past_key, names.present_key), (names.past_value, names.present_value))
    return Signature(
        tokens=names.input_ids,
        mask=names.attention_mask,
        positions=names.position_ids,
        kept_logits=names.kept_logits,
        logits=names.logits,
        cache=tuple((past % layer, present % layer) for layer in folder.caches.layers for past, present in patterns),
        kv_heads=folder.kv_heads,
        head_size=folder.head_size,
        switch=_switch(folder.content),
        window=_window(folder.content),
    )


def _switch(graph: Graph) -> int:
    """Return the rows of the shorter table of cosines, where attention takes its table from an `If`."""
    chosen = {name for node in graph.nodes if node.operator == "If" for name in node.outputs}
    tables = {name for node in graph.nodes if node.operator in _ROTATING for name in node.inputs if name in chosen}
    rows = [
        tensor.shape[0]
        for name, tensor in graph.tensors.items()
        if len(tensor.shape) == 2 and any(name.startswith(table) for table in tables)  # noqa: PLR2004 - a matrix
    ]
    return min(rows, default=0)


def _window(graph: Graph) -> int:
    """Return the largest window of the layers that may overwrite what has left it."""
    sliding = [node for node in graph.nodes if node.number("sliding_window_cache", 0)]
    return max((node.number("local_window_size", 0) for node in sliding), default=0)
