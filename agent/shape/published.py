"""The shape of a model whose file is not here, from its catalogue entry.

The matrices follow from the published numbers, their types from llama.cpp's rules of quantization; then all are scaled
so that they add up to the size of the file. That is good enough to say what is repacked and how fast it reads.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from msgspec.structs import replace

from agent.catalog import File, Published
from agent.shape import Role, Shape, Weights
from agent.shape.quantization import BLOCKS, Quantization

_METADATA = 32  # bytes of the header per token: its text, type and score or merge, and their lengths
_VECTORS = 4  # norms and other vectors of the hidden state's width in a layer
_MOST_ROWS = 16
_OWN_OUTPUT = 1.085  # times the expected size, from which the file must hold an output matrix of its own


# Role, type and row multiple -> bytes, elements and bytes of the largest tensor, before scaling.
_Sizes: TypeAlias = defaultdict[tuple[Role, str, int], tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Part:
    """Matrices of one kind: their name in a file, elements of all of them and of the largest."""

    role: Role
    name: str
    columns: int
    rows: int
    elements: int
    largest: int


def shape_from(model: Published, file: File) -> Shape:
    """Return the shape of a model in one of its quantizations."""
    return shape_with(model, _weights(model, file))


def shape_with(model: Published, weights: tuple[Weights, ...]) -> Shape:
    """Return the shape of a model with these weights."""
    return Shape(
        architecture=model.architecture,
        layers=model.layers,
        embedding=model.embedding,
        feed_forward=model.feed_forward,
        vocabulary=model.vocabulary,
        training_context=model.context,
        attention=tuple(model.attention),
        state_bytes=model.state_bytes,
        experts=model.experts,
        experts_used=model.experts_used,
        weights=weights,
    )


def _weights(model: Published, file: File) -> tuple[Weights, ...]:
    vectors = model.layers * _VECTORS * model.embedding
    whole = max(0, file.bytes - model.vocabulary * _METADATA - 4 * vectors)
    sizes = _sizes(model, file.quantization)
    if model.tied and not model.looked_up and whole > _OWN_OUTPUT * _total(sizes):
        own = model.parameters + model.embedding * model.vocabulary
        sizes = _sizes(replace(model, tied=False, parameters=own), file.quantization)
    scale = whole / max(1.0, _total(sizes))
    groups = [
        Weights(role, kind, round(size * scale), round(elements), rows, round(largest * scale))
        for (role, kind, rows), (size, elements, largest) in sizes.items()
    ]
    return (*groups, Weights("vector", "F32", 4 * vectors, vectors, 1, 4 * model.embedding))


def _sizes(model: Published, quantization: str) -> _Sizes:
    group = max((part.heads // max(1, part.kv_heads) for part in model.attention), default=1)
    rules = Quantization(quantization, model.layers, model.tied, group)
    sizes: _Sizes = defaultdict(lambda: (0.0, 0.0, 0.0))
    for part in parts_of(model):
        for kind, share in rules.types_of(part.name, part.columns):
            width = BLOCKS[kind].block_bytes / BLOCKS[kind].block_elements
            size, elements, largest = sizes[part.role, kind, part.rows]
            count = part.elements * share
            sizes[part.role, kind, part.rows] = (
                size + count * width,
                elements + count,
                max(largest, part.largest * width),
            )
    return sizes


def _total(sizes: _Sizes) -> float:
    return sum(size for size, _, _ in sizes.values())


def parts_of(model: Published) -> Iterator[Part]:
    """Yield the matrices: embeddings, attention, and in the feed-forward network whatever is left."""
    table = model.embedding * model.vocabulary
    rows = min(model.vocabulary & -model.vocabulary, _MOST_ROWS)
    yield Part("tied" if model.tied else "table", "token_embd", model.embedding, rows, table, table)
    if not model.tied:
        yield Part("output", "output", model.embedding, rows, table, table)
    if model.looked_up:
        yield Part("table", "per_layer_token_embd", model.embedding, rows, model.looked_up, model.looked_up)
    attention = list(_attention(model))
    yield from attention
    left = model.parameters - model.looked_up - table * (1 if model.tied else 2) - sum(p.elements for p in attention)
    yield from _feed_forward(model, max(0, left))


def _attention(model: Published) -> Iterator[Part]:
    for group in model.attention:
        queries, keys = group.heads * group.key_length, group.kv_heads * group.key_length
        values, out = group.kv_heads * group.value_length, group.heads * group.value_length
        if model.architecture == "phi3":
            yield _matrix("attn_qkv", model.embedding, queries + keys + values, group.layers)
        else:
            yield _matrix("attn_q", model.embedding, queries + keys, group.layers)
            yield _matrix("attn_v", model.embedding, values, group.layers)
        yield _matrix("attn_output", out, model.embedding, group.layers)


def _matrix(name: str, columns: int, rows: int, layers: int) -> Part:
    return Part("matrix", name, columns, _MOST_ROWS, columns * rows * layers, columns * rows)


def _feed_forward(model: Published, left: int) -> Iterator[Part]:
    """Yield the experts, and of the rest two thirds as what leads up, gate included, and one third as what leads down.

    How much is experts follows from what a token leaves unused: tables, and the experts that it is not routed to.
    """
    single = model.embedding * model.feed_forward
    experts = 0
    if model.experts:
        tables = model.looked_up + (0 if model.tied else model.embedding * model.vocabulary)
        unused = model.parameters - model.active - tables
        experts = min(left, round(unused / (1 - model.experts_used / model.experts)))
    yield from _up_and_down("experts", "_exps", model, experts, single * model.experts)
    yield from _up_and_down("matrix", "", model, left - experts, single)


def _up_and_down(role: Role, ending: str, model: Published, elements: int, largest: int) -> Iterator[Part]:
    if elements:
        up = elements * 2 // 3
        yield Part(role, f"ffn_up{ending}", model.embedding, _MOST_ROWS, up, largest)
        yield Part(role, f"ffn_down{ending}", model.feed_forward, _MOST_ROWS, elements - up, largest)
