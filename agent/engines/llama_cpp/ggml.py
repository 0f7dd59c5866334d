"""The part of ggml's C interface that single operations need: `ggml.h`, `ggml-backend.h`, `ggml-cpu.h`.

llama-cpp-python wraps libllama only; its library handle finds ggml's functions as well, since libllama is linked to it.
"""

import ctypes
import time
from collections.abc import Callable
from typing import Any

import llama_cpp.llama_cpp as lib
import numpy as np
import numpy.typing as npt

from agent.errors import EngineError
from agent.gguf.tensor_types import TENSOR_TYPES

_NUMBERS = {kind.name: number for number, kind in TENSOR_TYPES.items()}
_CPU = 0  # enum ggml_backend_dev_type
_GRAPH_SIZE = 2048  # operations
_SPARE = 64  # tensors beyond those asked for

_handle = ctypes.c_void_p


class _Params(ctypes.Structure):
    _fields_ = (("mem_size", ctypes.c_size_t), ("mem_buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool))


def _function(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:  # noqa: ANN401 - ctypes has no better name
    function = getattr(lib._lib, name)  # noqa: SLF001 - the handle of the loaded library has no public name
    function.restype, function.argtypes = result, arguments
    return function  # type: ignore[no-any-return]


_int, _long, _size, _float = ctypes.c_int, ctypes.c_int64, ctypes.c_size_t, ctypes.c_float
_init = _function("ggml_init", _handle, _Params)
_free = _function("ggml_free", None, _handle)
_new_tensor = _function("ggml_new_tensor_3d", _handle, _handle, _int, _long, _long, _long)
_mul_mat = _function("ggml_mul_mat", _handle, _handle, _handle, _handle)
_add = _function("ggml_add", _handle, _handle, _handle, _handle)
_flash = _function("ggml_flash_attn_ext", _handle, _handle, _handle, _handle, _handle, _handle, _float, _float, _float)
_permute = _function("ggml_permute", _handle, _handle, _handle, _int, _int, _int, _int)
_new_graph = _function("ggml_new_graph_custom", _handle, _handle, _size, ctypes.c_bool)
_expand = _function("ggml_build_forward_expand", None, _handle, _handle)
_row_size = _function("ggml_row_size", _size, _int, _long)
_tensor_overhead = _function("ggml_tensor_overhead", _size)
_graph_overhead = _function("ggml_graph_overhead_custom", _size, _size, ctypes.c_bool)
_quantize = _function("ggml_quantize_chunk", _size, _int, _handle, _handle, _long, _long, _long, _handle)
_cpu_init = _function("ggml_backend_cpu_init", _handle)
_set_threads = _function("ggml_backend_cpu_set_n_threads", None, _handle, _int)
_backend_free = _function("ggml_backend_free", None, _handle)
_compute = _function("ggml_backend_graph_compute", _int, _handle, _handle)
_allocate = _function("ggml_backend_alloc_ctx_tensors_from_buft", _handle, _handle, _handle)
_buffer_free = _function("ggml_backend_buffer_free", None, _handle)
_tensor_set = _function("ggml_backend_tensor_set", None, _handle, _handle, _size, _size)
_device = _function("ggml_backend_dev_by_type", _handle, _int)
_device_buffers = _function("ggml_backend_dev_buffer_type", _handle, _handle)
_device_registry = _function("ggml_backend_dev_backend_reg", _handle, _handle)
_procedure = _function("ggml_backend_reg_get_proc_address", _handle, _handle, ctypes.c_char_p)
_supports = _function("ggml_backend_dev_supports_op", ctypes.c_bool, _handle, _handle)


def row_bytes(kind: str, columns: int) -> int:
    """Return the bytes of one row of a tensor type."""
    return int(_row_size(_NUMBERS[kind], columns))


def quantized(kind: str, columns: int, rows: int) -> npt.NDArray[np.uint8]:
    """Return a matrix of random weights as bytes; a few rows that repeat."""
    few = min(rows, 128)
    weights = np.random.default_rng(0).standard_normal((few, columns), dtype=np.float32) * 0.02
    if kind == "F32":
        data: npt.NDArray[np.uint8] = weights.view(np.uint8).reshape(-1)
    else:
        data = np.empty(row_bytes(kind, columns) * few, np.uint8)
        _quantize(_NUMBERS[kind], weights.ctypes.data, data.ctypes.data, 0, few, columns, None)
    return np.tile(data, -(-rows // few))[: row_bytes(kind, columns) * rows]


class Graph:
    """Operations on the CPU, with all the memory that they need.

    First add tensors and operations, then `allocate`, then `seconds` as often as wanted, and `close`.
    """

    def __init__(self, threads: int, tensors: int) -> None:
        self._backend = _cpu_init()
        _set_threads(self._backend, threads)
        room = _tensor_overhead() * (tensors + _SPARE)
        self._weights = _reserve(room)
        self._context = _reserve(room + _graph_overhead(_GRAPH_SIZE, False))  # noqa: FBT003
        self._graph = _new_graph(self._context, _GRAPH_SIZE, False)  # noqa: FBT003 - no gradients
        self._home: object = None  # of the weights
        self._contents: list[tuple[object, npt.NDArray[Any]]] = []
        self._buffers: list[object] = []

    def weights(self, kind: str, columns: int, rows: int, data: npt.NDArray[np.uint8]) -> object:
        """Add a matrix; all of one graph have the same type. It is repacked if llama.cpp would do so."""
        self._home = self._home or _weight_buffers(kind, columns)
        tensor = _new_tensor(self._weights, _NUMBERS[kind], columns, rows, 1)
        self._contents.append((tensor, data))
        return tensor

    @property
    def repacks(self) -> bool:
        """Whether the weights are kept in a form of their own."""
        return self._home not in {None, _device_buffers(_device(_CPU))}

    def tensor(self, kind: str, *shape: int) -> object:
        """Add an operand; `F32` ones are filled with ones, others with zeros."""
        size = (*shape, 1, 1)[:3]
        tensor = _new_tensor(self._context, _NUMBERS[kind], *size)
        length = row_bytes(kind, size[0]) * size[1] * size[2]
        ones = np.ones(length // 4, np.float32) if kind == "F32" else np.zeros(length, np.uint8)
        self._contents.append((tensor, ones))
        return tensor

    def multiply(self, matrix: object, operand: object) -> object:
        """Add a matrix multiplication."""
        return self._then(_mul_mat(self._context, matrix, operand))

    def add(self, left: object, right: object) -> object:
        """Add an elementwise sum."""
        return self._then(_add(self._context, left, right))

    def attend(self, query: object, keys: object, values: object) -> object:
        """Add flash attention without a mask; keys and values lie as in a KV cache, all heads of a token together."""
        keys, values = (_permute(self._context, tensor, 0, 2, 1, 3) for tensor in (keys, values))
        return self._then(_flash(self._context, query, keys, values, None, 1.0, 0.0, 0.0))

    def allocate(self) -> None:
        """Give all tensors memory and contents.

        Raises:
            EngineError: there is not enough memory.
        """
        homes = {self._context: _device_buffers(_device(_CPU))}
        if self._home:
            homes[self._weights] = self._home
        for context, home in homes.items():
            buffer = _allocate(context, home)
            if not buffer:
                raise EngineError("There is not enough memory to measure the speed of this machine.")
            self._buffers.append(buffer)
        for tensor, data in self._contents:
            _tensor_set(tensor, data.ctypes.data, 0, data.nbytes)

    def seconds(self) -> float:
        """Run all operations once and return how long it took."""
        started = time.perf_counter()
        _compute(self._backend, self._graph)
        return time.perf_counter() - started

    def close(self) -> None:
        """Free everything."""
        for buffer in self._buffers:
            _buffer_free(buffer)
        _free(self._context)
        _free(self._weights)
        _backend_free(self._backend)

    def _then(self, tensor: object) -> object:
        _expand(self._graph, tensor)
        return tensor


def _reserve(size: int) -> object:
    """Return a context for descriptions of tensors; their contents are allocated later."""
    return _init(_Params(mem_size=size, mem_buffer=None, no_alloc=True))


def _weight_buffers(kind: str, columns: int) -> object:
    """Return the kind of memory in which llama.cpp puts such weights (`select_weight_buft`, llama-model-loader.cpp)."""
    device = _device(_CPU)
    for candidate in _extra_buffers(device):
        context = _reserve(_tensor_overhead() * _SPARE)
        matrix = _new_tensor(context, _NUMBERS[kind], columns, _SPARE, 1)
        buffer = _allocate(context, candidate)
        product = _mul_mat(context, matrix, _new_tensor(context, _NUMBERS["F32"], columns, 1, 1))
        supported = bool(buffer) and _supports(device, product)
        _buffer_free(buffer)
        _free(context)
        if supported:
            return candidate
    return _device_buffers(device)


def _extra_buffers(device: object) -> list[object]:
    """Return the buffer types in which this device keeps weights in a form of its own, best first."""
    address = _procedure(_device_registry(device), b"ggml_backend_dev_get_extra_bufts")
    if not address:
        return []
    listed = ctypes.CFUNCTYPE(_handle, _handle)(address)(device)
    types = ctypes.cast(listed, ctypes.POINTER(_handle))
    found: list[object] = []
    while listed and types[len(found)]:
        found.append(types[len(found)])
    return found
