"""The shape of a model: all that memory and speed depend on, from a GGUF header or from the catalogue.

Pure data. `agent.shape.header` takes it from a file that is here, `agent.shape.published` from a catalogue entry for a
file that is not.
"""

from dataclasses import dataclass
from typing import Literal

import msgspec

# matrix  multiplied with every token: attention, feed-forward
# output  multiplied with the tokens whose logits are wanted: one of a prompt, each of an answer
# table   rows are looked up by token: untied embeddings, per-layer embeddings of Gemma 3n and 4; never streamed
# tied    both at once: the embedding table that is also the output matrix
# experts multiplied for the experts that a token is routed to
# vector  norms, biases and other tensors that are not multiplied as matrices
Role = Literal["matrix", "output", "table", "tied", "experts", "vector"]


@dataclass(frozen=True, slots=True)
class Weights:
    """Tensors of one type that are used and stored alike.

    Attributes:
        role: how they are used.
        type: tensor type, such as `Q4_K`.
        bytes: of all of them, as in the file.
        elements: of all of them.
        rows: the largest power of two, at most 16, that divides the number of rows of each; kernels that interleave
            rows need 4 or 8.
        largest: bytes of the largest single tensor.
    """

    role: Role
    type: str
    bytes: int
    elements: int
    rows: int
    largest: int


class Attention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Layers with KV caches of the same shape; layers that share another layer's cache are not counted.

    Attributes:
        layers: how many.
        heads: query heads of each.
        kv_heads: key and value heads of each.
        key_length: elements of one key.
        value_length: elements of one value.
        window: tokens that a sliding window keeps; 0 for full attention.
    """

    layers: int
    heads: int
    kv_heads: int
    key_length: int
    value_length: int
    window: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """A model as memory and speed see it.

    Attributes:
        architecture: as llama.cpp names it, such as `qwen3`.
        layers: blocks.
        embedding: elements of the hidden state.
        feed_forward: elements inside the feed-forward network, of one expert for mixtures.
        vocabulary: number of tokens.
        training_context: tokens; 0 when unknown.
        attention: layers with a KV cache.
        state_bytes: recurrent state per sequence, of all layers.
        experts: in each mixture layer; 0 for dense models.
        experts_used: of them, for each token.
        weights: all tensors.
        format: of the file, which decides the engine.
        kv_type: of keys and values where the model decides it; empty where the plan does.
        all_logits: whether every token of a prompt gets logits, though only those of the last are wanted.
    """

    architecture: str
    layers: int
    embedding: int
    feed_forward: int
    vocabulary: int
    training_context: int
    attention: tuple[Attention, ...]
    state_bytes: int
    experts: int
    experts_used: int
    weights: tuple[Weights, ...]
    format: Literal["gguf", "onnx"] = "gguf"
    kv_type: Literal["", "f16", "f32"] = ""
    all_logits: bool = False

    @property
    def weight_bytes(self) -> int:
        """Bytes of all tensors."""
        return sum(group.bytes for group in self.weights)

    def active_share(self, group: Weights) -> float:
        """Return which share of a group is read to compute one token."""
        if group.role == "table":
            return 0.0
        if group.role == "experts" and self.experts:
            return self.experts_used / self.experts
        return 1.0
