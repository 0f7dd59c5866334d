"""Opens a model with ONNX Runtime, and says in our words what went wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as state

from agent.errors import EngineError, ModelFileError

ERRORS = (
    state.EPFail, state.EngineError, state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf,
    state.ModelLoaded, state.NoModel, state.NoSuchFile, state.NotImplemented, state.RuntimeException,
)  # fmt: skip
TYPES: dict[str, np.dtype[Any]] = {"tensor(float)": np.dtype(np.float32), "tensor(float16)": np.dtype(np.float16)}
_SILENT = 4  # ORT_LOGGING_LEVEL_FATAL; errors come as exceptions
_NO_MEMORY = "bad_alloc"
_LONGEST = 300  # characters of the library's message


def build() -> str:
    """Return the version of the library."""
    return f"onnxruntime {ort.__version__}"


def open_session(graph: Path | bytes, threads: int) -> ort.InferenceSession:
    """Load a graph for the CPU.

    Args:
        graph: its file, with external data beside it, or its bytes.
        threads: compute threads.

    Raises:
        ModelFileError: the library refuses it.
        EngineError: there is not enough memory.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _SILENT
    # Threads that wait by spinning take the processor from everybody else: with other programs on the same cores a
    # step took twice as long with it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    name = graph if isinstance(graph, Path) else "A graph"
    try:
        return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except ERRORS as error:
        if _NO_MEMORY in str(error):
            raise EngineError(
                f"There is not enough memory to load {name}.", hint="Choose a smaller model, or a smaller build of it."
            ) from error
        raise ModelFileError(
            f"{name} cannot be loaded by ONNX Runtime {ort.__version__}: {short(error)}.",
            field="graph",
            hint="Pull it again, or choose another build of the model.",
        ) from error


def bind_input(binding: ort.IOBinding, name: str, array: NDArray[np.generic]) -> None:
    """Let a run read an input from an array, which must live until then."""
    binding.bind_input(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)


def bind_output(binding: ort.IOBinding, name: str, array: NDArray[np.generic]) -> None:
    """Let a run write an output into an array, which must live until then."""
    binding.bind_output(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)


@contextmanager
def computing() -> Iterator[None]:
    """Turn what the library raises while it computes into our error.

    Raises:
        EngineError: it failed.
    """
    try:
        yield
    except (*ERRORS, RuntimeError) as error:  # a run with bindings knows only the latter
        raise EngineError(f"ONNX Runtime could not compute a batch: {short(error)}.") from error


def short(error: Exception) -> str:
    """Return what the library said, on one line and without a full stop."""
    text = " ".join(str(error).split())
    return text[:_LONGEST].rstrip(".")
