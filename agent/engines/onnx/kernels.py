"""What the kernels of ONNX Runtime achieve on this machine, measured on single operations in a few seconds.

The operations that models are made of run on random weights: a matrix of each type with one token and with a batch,
attention over a KV cache, and chains of tiny operations that show what an operation costs beyond its work. The graphs
are made in memory.
"""

import re
import time
from collections.abc import Callable, Iterator

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from agent.engines.onnx.session import bind_input, bind_output, computing, open_session
from agent.onnx.writing import CONTRIB, FLOAT, FLOAT16, INT32, UINT8, GraphWriter
from agent.speed import Rates

_COLUMNS, _ROWS = 2048, 2048
_BATCH = 128  # tokens; larger batches are hardly faster per token
_HEADS, _KV_HEADS, _HEAD_LENGTH, _CACHED = 16, 8, 128, 512
_LAYERS = 16  # of attention with one token
_CHAIN, _WIDTH, _FEW_ROWS = 400, 1024, 16  # operations, and their size
_LEAST_SET, _MOST_SET = 16 << 20, 48 << 20  # bytes of weights: on a board with little memory, and beyond its caches
# Times that operations take longer in the graph of a model than alone. Fitted to the models with random weights of
# benchmarks/onnx_models.py on one machine; docs/accuracy.md says how well.
_DECODE, _PREFILL = 1.1, 1.05
_ATTENTION_DECODE, _ATTENTION_PREFILL = 1.4, 2.5
_WAKING = 8  # threads are woken for most operations, which the tiny ones here do without
_LINE = 64  # bytes
_COPIES = 8  # of the weights, while a graph is made, read and packed
_ROUNDS = 12
_PATIENCE = 0.15  # seconds for the rounds of one operation

# In the order in which they matter, should the time run out.
_TYPES = ("int4/32", "int8/32", "int4/128", "f32", "f16", "int4/64", "int8/128", "int4/16")
_KV_TYPES = {"f32": (FLOAT, np.float32), "f16": (FLOAT16, np.float16)}
_QUANTIZED = re.compile(r"int(\d)/(\d+)")


def measure(threads: int, seconds: float, memory: int) -> Rates:
    """Measure within about so many seconds, with no more than so many bytes.

    Raises:
        EngineError: ONNX Runtime cannot compute here.
    """
    end = time.monotonic() + seconds
    attention = {kind: _attention(threads, kind) for kind in _KV_TYPES}
    weights = max(_LEAST_SET, min(_MOST_SET, memory // _COPIES))
    decode: dict[str, float] = {}
    prefill: dict[str, float] = {}
    for kind in _TYPES:
        if not decode or time.monotonic() < end:
            decode[kind], prefill[kind] = _matrix(threads, kind, weights)
    return Rates(
        source=f"measured on this computer with {threads} threads",
        measured=True,
        decode={kind: rate / _DECODE for kind, rate in decode.items()},
        prefill={kind: rate / _PREFILL for kind, rate in prefill.items()},
        rows={},
        attention_decode={kind: rate / _ATTENTION_DECODE for kind, (rate, _) in attention.items()},
        attention_prefill={kind: rate / _ATTENTION_PREFILL for kind, (_, rate) in attention.items()},
        experts_decode=1.0,
        experts_prefill=1.0,
        operation=_WAKING * _operation(threads),
        multiplication=_WAKING * _multiplication(threads),
    )


def _matrix(threads: int, kind: str, weights: int) -> tuple[float, float]:
    """Return bytes of weights per second with one token, and multiply-adds per second with a batch."""
    size = _bytes(kind, _ROWS, _COLUMNS)
    count = max(1, weights // size)
    decode = count * size / _multiplying(threads, kind, _ROWS, count, 1)
    return decode, _ROWS * _COLUMNS * _BATCH / _multiplying(threads, kind, _ROWS, 1, _BATCH)


def _multiplying(threads: int, kind: str, rows: int, count: int, tokens: int) -> float:
    """Return the seconds in which so many tokens are multiplied with some matrices."""
    return _quickest(_bound(open_session(_matrices(kind, rows, _COLUMNS, count), threads), tokens))


def _matrices(kind: str, rows: int, columns: int, count: int) -> bytes:
    """Return a graph that multiplies tokens, input `x`, with some matrices."""
    graph = GraphWriter("matrices")
    plain = {"f32": FLOAT, "f16": FLOAT16}.get(kind, FLOAT)
    graph.input("x", plain, ["tokens", columns])
    node = _packed(graph, kind, rows, columns) if _QUANTIZED.match(kind) else _plain(graph, plain, rows, columns)
    for number in range(count):
        graph.output(node(number), ["tokens", rows], plain)
    return graph.model()


def _packed(graph: GraphWriter, kind: str, rows: int, columns: int) -> Callable[[int], str]:
    """Return what adds the multiplication with a matrix in blocks."""
    bits, block = map(int, _QUANTIZED.findall(kind)[0])
    data = np.random.default_rng(0).integers(0, 256, (rows, columns // block, block * bits // 8), np.uint8)
    scales = np.full((rows, columns // block), 1e-3, np.float32)
    raw, raw_scales = data.tobytes(), scales.tobytes()

    def node(number: int) -> str:
        tensors = (
            graph.tensor(f"data{number}", UINT8, data.shape, _turned(raw, number)),
            graph.tensor(f"scales{number}", FLOAT, scales.shape, raw_scales),
        )
        return graph.node(
            "MatMulNBits",
            ["x", *tensors],
            domain=CONTRIB,
            result=f"y{number}",
            K=columns,
            N=rows,
            bits=bits,
            block_size=block,
            accuracy_level=4,  # activations as int8: the fast kernels
        )

    return node


def _plain(graph: GraphWriter, kind: int, rows: int, columns: int) -> Callable[[int], str]:
    values = np.random.default_rng(0).standard_normal((columns, rows), np.float32)
    raw = values.astype(np.float32 if kind == FLOAT else np.float16).tobytes()

    def node(number: int) -> str:
        tensor = graph.tensor(f"data{number}", kind, values.shape, _turned(raw, number))
        return graph.node("MatMul", ["x", tensor], result=f"y{number}")

    return node


def _turned(data: bytes, number: int) -> bytes:
    """Return the same numbers in another order: of matrices that are equal the library keeps only one."""
    return data[_LINE * number :] + data[: _LINE * number]


def _bytes(kind: str, rows: int, columns: int) -> int:
    """Return the bytes of a matrix in its file."""
    if found := _QUANTIZED.match(kind):
        return rows * columns * int(found[1]) // 8 + 4 * rows * columns // int(found[2])
    return rows * columns * (2 if kind == "f16" else 4)


def _attention(threads: int, kind: str) -> tuple[float, float]:
    """Return multiply-adds per second with one token and with a batch."""
    rates = []
    for tokens, layers in ((1, _LAYERS), (_BATCH, 1)):
        seconds = _quickest(_attending(threads, kind, tokens, layers))
        depth = _CACHED - tokens / 2
        rates.append(2 * _HEADS * _HEAD_LENGTH * depth * tokens * layers / seconds)
    return rates[0], rates[1]


def _attending(threads: int, kind: str, tokens: int, layers: int) -> Callable[[], None]:
    """Return what has some new tokens looked at the cached ones, in each of some layers with caches of their own."""
    element, dtype = _KV_TYPES[kind]
    cache, width, kv_width = [1, _KV_HEADS, _CACHED, _HEAD_LENGTH], _HEADS * _HEAD_LENGTH, _KV_HEADS * _HEAD_LENGTH
    graph = GraphWriter("attention")
    arrays: dict[str, NDArray[np.generic]] = {
        "q": np.ones((1, tokens, width), dtype),
        "kv": np.ones((1, tokens, kv_width), dtype),
        "last": np.array([_CACHED - 1], np.int32),
        "all": np.array(_CACHED, np.int32),
    }
    graph.input("q", element, [1, tokens, width])
    graph.input("kv", element, [1, tokens, kv_width])
    graph.input("last", INT32, [1])
    graph.input("all", INT32, [])
    outputs: dict[str, NDArray[np.generic]] = {}
    for layer in range(layers):
        past, present = (f"past_k{layer}", f"past_v{layer}"), (f"k{layer}", f"v{layer}")
        for before, after in zip(past, present, strict=True):
            graph.input(before, element, cache)
            arrays[before] = outputs[after] = np.ones(cache, dtype)
        inputs = ["q", "kv", "kv", *past, "last", "all"]
        graph.node(
            "GroupQueryAttention",
            inputs,
            domain=CONTRIB,
            result=f"y{layer}",
            more=present,
            num_heads=_HEADS,
            kv_num_heads=_KV_HEADS,
        )
        outputs[f"y{layer}"] = np.empty((1, tokens, width), dtype)
        for name in (*present, f"y{layer}"):
            graph.output(name, outputs[name].shape, element)
    return _runner(open_session(graph.model(), threads), arrays, outputs)


def _operation(threads: int) -> float:
    """Return the seconds that a small operation takes."""
    graph = GraphWriter("operations")
    total = graph.input("x", FLOAT, ["tokens", _WIDTH])
    for _ in range(_CHAIN):
        total = graph.node("Mul", [total, "x"])
    graph.output(graph.node("Mul", [total, "x"], result="y"), ["tokens", _WIDTH])
    return _quickest(_bound(open_session(graph.model(), threads), 1)) / _CHAIN


def _multiplication(threads: int) -> float:
    """Return the seconds that a multiplication with a very small matrix takes."""
    return _multiplying(threads, "int4/32", _FEW_ROWS, _CHAIN, 1) / _CHAIN


def _bound(session: ort.InferenceSession, tokens: int) -> Callable[[], None]:
    """Return what multiplies so many tokens."""
    (x,) = session.get_inputs()
    dtype = np.dtype(np.float16 if "16" in x.type else np.float32)
    outputs = {y.name: np.empty((tokens, y.shape[1]), dtype) for y in session.get_outputs()}
    return _runner(session, {x.name: np.ones((tokens, x.shape[1]), dtype)}, dict(outputs))


def _runner(
    session: ort.InferenceSession, inputs: dict[str, NDArray[np.generic]], outputs: dict[str, NDArray[np.generic]]
) -> Callable[[], None]:
    """Return what runs a graph once, always with the same memory."""
    binding = session.io_binding()
    for name, array in inputs.items():
        bind_input(binding, name, array)
    for name, array in outputs.items():
        bind_output(binding, name, array)

    def run(_arrays: object = (inputs, outputs)) -> None:  # which must live as long as the binding
        with computing():
            session.run_with_iobinding(binding)

    return run


def _quickest(run: Callable[[], None]) -> float:
    """Return the seconds of the quickest of some rounds: what disturbs a measurement only ever slows it down."""
    run()  # first touch
    return min(_rounds(run))


def _rounds(run: Callable[[], None]) -> Iterator[float]:
    end = time.monotonic() + _PATIENCE
    for number in range(_ROUNDS):
        if number and time.monotonic() > end:
            return
        started = time.perf_counter()
        run()
        yield time.perf_counter() - started
