"""The shape of a build for ONNX Runtime that is not here, from the published shape of its model.

The matrices have 4 bits in blocks of 32 with a scale of 32 bits each, as onnxruntime-genai and transformers.js
write them for processors; tables stay as they are. The sizes of Phi-3 mini, Phi-4, Qwen3 0.6B and 1.7B follow from it
within 3 %.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from agent.catalog import Published
from agent.shape import Role, Shape, Weights
from agent.shape.published import Part, parts_of, shape_with

_WIDTHS = {"int4/32": 20 / 32, "f32": 4.0}  # bytes of an element
_VECTORS = 4  # norms and other vectors of the hidden state's width in a layer


def onnx_shape_from(model: Published, layout: Literal["genai", "transformers.js"]) -> Shape:
    """Return the shape of a model in a build with int4 for processors."""
    vectors = model.layers * _VECTORS * model.embedding
    weights = (
        *(_weights(role, kind, part) for part in parts_of(model) for role, kind in _uses(part.role, layout)),
        Weights("vector", "f32", 4 * vectors, vectors, 1, 4 * model.embedding),
    )
    # Builds of others have no pruned head.
    return replace(shape_with(model, weights), format="onnx", kv_type="f32", all_logits=True)


def _uses(role: Role, layout: str) -> Iterator[tuple[Role, str]]:
    """Yield how a matrix is used, and its type: a table that is also the output exists twice in the layout `genai`."""
    if role == "tied" and layout == "genai":
        yield "table", "f32"
        yield "output", "int4/32"
    else:
        yield role, "f32" if role in {"tied", "table"} else "int4/32"


def _weights(role: Role, kind: str, part: Part) -> Weights:
    width = _WIDTHS[kind]
    return Weights(role, kind, round(part.elements * width), part.elements, part.rows, round(part.largest * width))
