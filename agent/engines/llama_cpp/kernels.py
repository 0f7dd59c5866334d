"""What the kernels of llama.cpp achieve on this machine, measured on single operations in about two seconds.

The operations that models are made of run on random weights: a matrix of each quantization with one token and with a
batch, attention over a KV cache, and a chain of tiny operations that shows what it costs that threads wait for each
other. Weights are repacked as they are when a model is loaded, so the choice between quantizations rests on what this
CPU does with them rather than on a table.
"""

import time
from collections.abc import Iterator
from contextlib import closing

from agent.engines.llama_cpp import ggml
from agent.speed import Rates

_COLUMNS, _ROWS = 2048, 4096
_SHORT_COLUMNS = 512  # of the matrix that shows what a row costs
_BATCH = 128  # tokens; larger batches are hardly faster per token
_HEADS, _KV_HEADS, _HEAD_LENGTH, _CACHED = 16, 4, 128, 2048
_CHAIN, _WIDTH, _FEW_ROWS = 400, 1024, 16  # operations, and their size
_LEAST_SET = 24 << 20  # bytes of weights, on a board with little memory
_MOST_SET = 96 << 20  # bytes; more than the caches of small computers hold
# Times that operations take longer in the graph of a model than alone: other work lies between them, attention has
# masks and is padded to 256 cells, the tokens of a batch go to different experts. Fitted to the models with random
# weights of benchmarks/models.py on one machine; docs/accuracy.md says how well.
_DECODE, _PREFILL = 1.13, 1.05
_ATTENTION_DECODE, _ATTENTION_PREFILL = 2.0, 3.5
_EXPERTS_DECODE, _EXPERTS_PREFILL = 1.9, 1.8
_ROUNDS = 4
_PATIENCE = 0.3  # seconds for the rounds of one operation

# In the order in which they matter, should the time run out.
_TYPES = (
    "Q4_K", "Q6_K", "Q4_0", "Q8_0", "Q5_K", "IQ4_NL", "Q5_0", "Q4_1", "MXFP4", "F16", "TQ2_0", "BF16", "Q5_1", "F32",
)  # fmt: skip
_KV_TYPES = ("f16", "q8_0")


def measure(threads: int, seconds: float, memory: int) -> Rates:
    """Measure within about so many seconds, with no more than so many bytes.

    Raises:
        EngineError: there is not enough memory.
    """
    end = time.monotonic() + seconds
    attention = {kind: _attention(threads, kind) for kind in _KV_TYPES}
    weights = max(_LEAST_SET, min(_MOST_SET, memory // 4))
    row = _row(threads, weights)
    decode: dict[str, float] = {}
    prefill: dict[str, float] = {}
    rows: dict[str, float] = {}
    for kind in _TYPES:
        if not decode or time.monotonic() < end:
            decode[kind], prefill[kind], repacked = _matrix(threads, kind, weights)
            rows[kind] = 0.0 if repacked else row
    return Rates(
        source=f"measured on this computer with {threads} threads",
        measured=True,
        decode={kind: rate / _DECODE for kind, rate in decode.items()},
        prefill={kind: rate / _PREFILL for kind, rate in prefill.items()},
        rows=rows,
        attention_decode={kind: rate / _ATTENTION_DECODE for kind, (rate, _) in attention.items()},
        attention_prefill={kind: rate / _ATTENTION_PREFILL for kind, (_, rate) in attention.items()},
        experts_decode=_EXPERTS_DECODE,
        experts_prefill=_EXPERTS_PREFILL,
        operation=_operation(threads),
        multiplication=_multiplication(threads),
    )


def _matrix(threads: int, kind: str, weights: int) -> tuple[float, float, bool]:
    """Return bytes per second with one token, multiply-adds per second with a batch, and whether it is repacked."""
    decode, repacked = _vector(threads, kind, _COLUMNS, weights)
    data = ggml.quantized(kind, _COLUMNS, _ROWS)
    with closing(ggml.Graph(threads, 1)) as graph:
        graph.multiply(graph.weights(kind, _COLUMNS, _ROWS, data), graph.tensor("F32", _COLUMNS, _BATCH))
        prefill = _COLUMNS * _ROWS * _BATCH / _quickest(graph)
    return decode, prefill, repacked


def _vector(threads: int, kind: str, columns: int, weights: int) -> tuple[float, bool]:
    """Return bytes per second of multiplying matrices with one token, and whether they are repacked."""
    rows = _ROWS * _COLUMNS // columns
    size = ggml.row_bytes(kind, columns) * rows
    count = max(1, weights // size)
    data = ggml.quantized(kind, columns, rows)
    with closing(ggml.Graph(threads, count)) as graph:
        token = graph.tensor("F32", columns)
        for _ in range(count):
            graph.multiply(graph.weights(kind, columns, rows, data), token)
        return count * size / _quickest(graph), graph.repacks


def _row(threads: int, weights: int) -> float:
    """Return the seconds that a row costs beyond its bytes, where rows are not interleaved: F16 never is."""
    (short, _), (long, _) = (_vector(threads, "F16", columns, weights) for columns in (_SHORT_COLUMNS, _COLUMNS))
    per_row = ggml.row_bytes("F16", _SHORT_COLUMNS) * (1 / short - 1 / long)
    return max(0.0, per_row / (1 - _SHORT_COLUMNS / _COLUMNS))


def _attention(threads: int, kind: str) -> tuple[float, float]:
    """Return multiply-adds per second with one token and with a batch."""
    rates = []
    for tokens, layers in ((1, 16), (_BATCH, 1)):
        with closing(ggml.Graph(threads, 8 * layers)) as graph:
            query = graph.tensor("F32", _HEAD_LENGTH, tokens, _HEADS)
            for _ in range(layers):
                keys, values = (graph.tensor(kind.upper(), _HEAD_LENGTH, _KV_HEADS, _CACHED) for _ in range(2))
                graph.attend(query, keys, values)
            rates.append(2 * _HEADS * _HEAD_LENGTH * _CACHED * tokens * layers / _quickest(graph))
    return rates[0], rates[1]


def _operation(threads: int) -> float:
    """Return the seconds that a small operation takes."""
    with closing(ggml.Graph(threads, _CHAIN)) as graph:
        addend = graph.tensor("F32", _WIDTH)
        total = addend
        for _ in range(_CHAIN):
            total = graph.add(total, addend)
        return _quickest(graph) / _CHAIN


def _multiplication(threads: int) -> float:
    """Return the seconds that a multiplication with a very small matrix takes."""
    data = ggml.quantized("Q4_K", _WIDTH, _FEW_ROWS)
    with closing(ggml.Graph(threads, _CHAIN)) as graph:
        matrix, token = graph.weights("Q4_K", _WIDTH, _FEW_ROWS, data), graph.tensor("F32", _WIDTH)
        for _ in range(_CHAIN):
            graph.multiply(matrix, token)
        return _quickest(graph) / _CHAIN


def _quickest(graph: ggml.Graph) -> float:
    """Return the seconds of the quickest of some rounds: what disturbs a measurement only ever slows it down."""
    graph.allocate()
    graph.seconds()  # first touch
    return min(_rounds(graph))


def _rounds(graph: ggml.Graph) -> Iterator[float]:
    end = time.monotonic() + _PATIENCE
    for number in range(_ROUNDS):
        if number and time.monotonic() > end:
            return
        yield graph.seconds()
