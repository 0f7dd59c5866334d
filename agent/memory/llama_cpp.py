"""What llama.cpp takes; the sources named here are those bundled with llama-cpp-python 0.3.36."""

from collections.abc import Collection

from agent.memory.parts import MemoryEstimate
from agent.plan import Plan
from agent.shape import Attention, Shape
from agent.shape.repack import repacked

_MIB = 1 << 20
_F32 = 4
_MASK = 2  # bytes of an element of the attention mask with flash attention, F16
_CELL_PADDING = 256  # GGML_PAD in llama-context.cpp and llama-kv-cache-iswa.cpp
_BLOCK = 32  # elements that share a scale in the quantized KV types
_BLOCK_BYTES = {"f16": 64, "q8_0": 34, "q4_0": 18}
_WORTH_MAPPING = 1 / 8  # share of repacked weights up to which mapping the file is the better way

_PROCESS = 52 * _MIB  # Python, its libraries and llama.cpp's; 46 before anything is loaded, the rest with first use
_TOKEN = 320  # bytes of the tokenizer's tables per token of a byte-pair vocabulary, with its merges
_PIECE = 164  # the same for SentencePiece, which has no merges
_PIECES = {"gemma", "gemma2", "gemma3", "gemma3n"}
_LARGEST_LLAMA2 = 33000  # tokens; smaller vocabularies are Llama 2's, which is one of SentencePiece
_CANDIDATE = 12  # llama_token_data; each sampler keeps one per token
_CELL = 100  # bytes of bookkeeping per cell, with the token in Python

_OUTPUT_FIRST = {"gemma3n", "gemma4"}
# How many values of the hidden state the extra streams of an architecture take.
_EXTRA_STREAMS = {"gemma3n": 4}
_STATE_SIZE = 128  # ssm.state_size of all hybrids so far


def estimate(shape: Shape, plan: Plan, features: Collection[str]) -> MemoryEstimate:
    """Return what a model takes when it is run like this on a CPU with these features, named as in /proc/cpuinfo."""
    context = _context(shape, plan)
    batch = min(plan.micro_batch, context * plan.parallel)
    weights = _weights(shape, plan, features)
    kv_cache = plan.parallel * (
        shape.state_bytes + sum(_cache(group, context, batch, plan) for group in shape.attention)
    )
    compute = _compute(shape, plan, context, batch)
    overhead = _overhead(shape, plan, context)
    total = weights + kv_cache + compute + overhead + plan.prompt_cache
    return MemoryEstimate(weights, kv_cache, compute, overhead, plan.prompt_cache, total)


def recommend_mapped(shape: Shape, features: Collection[str]) -> bool:
    """Whether the file should be mapped instead of read: not when much of it would exist twice, repacked and mapped."""
    more = _twice(shape, features, mapped=True) - _twice(shape, features, mapped=False)
    return more <= _WORTH_MAPPING * shape.weight_bytes


def _context(shape: Shape, plan: Plan) -> int:
    """Return the tokens of one sequence, as the engine limits them."""
    if not shape.training_context:
        return plan.context
    return min(plan.context or shape.training_context, shape.training_context)


def _weights(shape: Shape, plan: Plan, features: Collection[str]) -> int:
    """Return the bytes of the model buffers (`load_tensors` in llama-model.cpp)."""
    return shape.weight_bytes + _twice(shape, features if plan.provider == "cpu" else (), mapped=plan.mapped)


def _twice(shape: Shape, features: Collection[str], *, mapped: bool) -> int:
    """Return the bytes of the weights that are in memory a second time.

    A mapped file is there as a whole, beside the repacked copies. A file that is read has each weight once, but for
    the table that is also the output matrix: the latter is a copy when it is repacked, and always in Gemma 3n and 4
    (their `load_arch_tensors` asks for the output first and then for a table of its own).
    """
    both = shape.architecture in _OUTPUT_FIRST
    return sum(
        group.bytes
        for group in shape.weights
        if (mapped or group.role == "tied") and (repacked(features, group) or (both and not mapped))
    )


def _cells(group: Attention, context: int, batch: int) -> int:
    """Return the cells of one sequence: a sliding window keeps its window and the tokens in computation."""
    kept = min(_padded(context), group.window + batch) if group.window else context
    return _padded(kept)


def _cache(group: Attention, context: int, batch: int, plan: Plan) -> int:
    """Return the bytes of keys and values of one sequence (llama-kv-cache.cpp)."""
    elements = group.layers * group.kv_heads * (group.key_length + group.value_length)
    return -(-elements * _BLOCK_BYTES[plan.kv_type] // _BLOCK) * _cells(group, context, batch)


def _compute(shape: Shape, plan: Plan, context: int, batch: int) -> int:
    """Return the bytes of the compute buffer, of the logits beside it and of the work space of the matrix products.

    The buffer is what ggml-alloc needs for the graph that `sched_reserve` in llama-context.cpp reserves; its size is
    that of the largest step, found by dry runs over many shapes. Flash attention is on: the CPU has it for all heads.
    """
    outputs = plan.parallel * shape.vocabulary * _F32
    masks = _MASK * batch * sum({_cells(group, context, batch) for group in shape.attention})
    tokens = max(_feed_forward_step(shape), _recurrent_step(shape))
    states = 2 * plan.parallel * _layer_state(shape)
    buffer = max(batch * _F32 * tokens + states, outputs)
    work = batch * max(1, shape.experts_used) * shape.feed_forward * 9 // 8  # Q8 with its scales
    return buffer + masks + outputs + work


def _feed_forward_step(shape: Shape) -> int:
    """Return the values per token that are alive at once in the feed-forward network, the largest step of most models.

    What goes up, its gate and their product; the hidden state three times; the queries, whose place stays free.
    Experts that are narrower than half the hidden state add their results, which then fit nowhere in between.
    """
    used = max(1, shape.experts_used)
    inner = used * shape.feed_forward
    queries = max((group.heads * group.key_length for group in shape.attention), default=0)
    values = 3 * inner + 3 * shape.embedding + (queries if queries < inner else 0)
    if shape.experts and shape.embedding > 2 * shape.feed_forward:
        values += used * shape.embedding
    streams = _EXTRA_STREAMS.get(shape.architecture, 0)
    return values + streams * shape.embedding + _per_layer_width(shape) * 3 // 2


def _recurrent_step(shape: Shape) -> int:
    """Return the values per token alive at once in a recurrent layer: about four times its inner width."""
    inner = _layer_state(shape) // _F32 // _STATE_SIZE
    return 4 * inner + 2 * shape.embedding + 4096 if inner else 0


def _layer_state(shape: Shape) -> int:
    layers = shape.layers - sum(group.layers for group in shape.attention)
    return shape.state_bytes // max(1, layers)


def _per_layer_width(shape: Shape) -> int:
    """Return the width of the per-layer embeddings of Gemma 3n and 4, which are looked up for all layers at once."""
    tables = sum(group.elements for group in shape.weights if group.role == "table")
    tied = any(group.role == "tied" for group in shape.weights)
    return max(0, tables // max(1, shape.vocabulary) - (0 if tied else shape.embedding))


def _overhead(shape: Shape, plan: Plan, context: int) -> int:
    pieces = shape.architecture in _PIECES or shape.vocabulary < _LARGEST_LLAMA2
    per_token = (_PIECE if pieces else _TOKEN) + _F32 + _CANDIDATE * plan.parallel
    cells = plan.parallel * _padded(context) if shape.attention else 0
    return _PROCESS + shape.vocabulary * per_token + _CELL * cells


def _padded(cells: int) -> int:
    return -(-cells // _CELL_PADDING) * _CELL_PADDING
