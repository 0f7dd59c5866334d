"""What ONNX Runtime takes, with the kernels for x86-64 of version 1.31; `docs/memory.md` says how far off it is."""

import re
from collections.abc import Collection

from agent.memory.parts import MemoryEstimate
from agent.plan import Plan
from agent.shape import Shape, Weights

_MIB = 1 << 20
_F32 = 4
_WIDTHS = {"f16": 2, "bf16": 2, "f32": 4, "f64": 8}  # bytes of an element
_SUMMED = 8  # bytes that packing adds to a block: the scale, which the file keeps too, and what corrects the zero point
_QUANTIZED = re.compile(r"int(\d+)(?:/(\d+))?")

_PROCESS = 85 * _MIB  # Python, its libraries and ONNX Runtime's
_TOKEN = (
    620  # bytes of the tokenizer per token of the vocabulary, with its merges and what is left over from reading it
)
_CONSTRAINT = 280  # the same of llguidance's table, which is made for the first answer that must have a form


def estimate(shape: Shape, plan: Plan, features: Collection[str]) -> MemoryEstimate:
    """Return what a model takes when it is run like this on a CPU; the graph alone decides how it is stored."""
    del features
    context = _context(shape, plan)
    weights = sum(_weights(group) for group in shape.weights) - _unused_angles(shape, context)
    kv_cache = plan.parallel * _cell(shape) * context
    compute = _compute(shape, plan, context)
    constraint = shape.vocabulary * _CONSTRAINT
    overhead = _PROCESS + shape.vocabulary * _TOKEN + constraint
    # While the largest matrix is packed it is there as in the file too; cache and work space come later.
    compute = max(compute, max(map(_unpacked, shape.weights), default=0) - kv_cache - constraint)
    total = weights + kv_cache + compute + overhead + plan.prompt_cache
    return MemoryEstimate(weights, kv_cache, compute, overhead, plan.prompt_cache, total)


def _context(shape: Shape, plan: Plan) -> int:
    """Return the tokens of one sequence, as the engine limits them."""
    trained = shape.training_context
    return min(plan.context or trained, trained) if trained else plan.context


def _weights(group: Weights) -> int:
    """Return what a group takes: packed for the kernels, and as in the file as far as something else reads it."""
    if group.role in {"table", "vector"}:
        return group.bytes
    quantized = _QUANTIZED.match(group.type)
    table = group.role == "tied"
    if quantized:
        bits, block = int(quantized[1]), int(quantized[2] or 0)
        sums = _SUMMED * group.elements // block if block else 0
        return group.bytes + sums + (group.elements * bits // 8 if table else 0)
    # Multiplied as f32. A table that is also the output stays for lookups; f16 is first turned over, then widened.
    tables = (2 if group.type == "f16" else 1) if table else 0
    return _F32 * group.elements + tables * group.bytes


def _unpacked(group: Weights) -> int:
    """Return the bytes of the largest matrix of a group before it is packed, without scales."""
    if group.role in {"table", "vector"}:
        return 0
    quantized = _QUANTIZED.match(group.type)
    return group.largest * group.elements * (int(quantized[1]) if quantized else _F32 * 8) // (8 * group.bytes)


def _unused_angles(shape: Shape, context: int) -> int:
    """Return the bytes of the tables of angles, which have a row for each place in a text, behind the context."""
    tables = sum(
        group.bytes - _WIDTHS.get(group.type, 0) * group.elements for group in shape.weights if group.role == "vector"
    )
    return tables - tables * context // max(context, shape.training_context, 1)


def _cell(shape: Shape) -> int:
    """Return the bytes of keys and values of one token; sliding windows forget nothing."""
    elements = sum(group.layers * group.kv_heads * (group.key_length + group.value_length) for group in shape.attention)
    return elements * _WIDTHS[shape.kv_type or "f32"]


def _compute(shape: Shape, plan: Plan, context: int) -> int:
    """Return the bytes of the largest step of a batch, of its logits and of the work space of the matrix products."""
    batch = min(plan.micro_batch, context)
    attention = max((_attention_step(shape, group.heads, context) for group in shape.attention), default=0)
    feed_forward = 3 * shape.feed_forward + 3 * shape.embedding
    logits = max(plan.parallel, batch) if shape.all_logits else plan.parallel
    work = batch * shape.feed_forward * 9 // 8  # 8 bits with their scales
    return batch * _F32 * max(attention, feed_forward) + logits * shape.vocabulary * _F32 + work


def _attention_step(shape: Shape, heads: int, context: int) -> int:
    """Return the values alive at once for each token: how much it looks at each other one, and the hidden state."""
    return heads * context + 2 * shape.embedding
