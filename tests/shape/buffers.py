"""What llama.cpp itself says that it has allocated."""

import ctypes
import re
from collections import defaultdict
from pathlib import Path
from typing import Self

import llama_cpp.llama_cpp as lib

from agent.engines import LoadOptions
from agent.engines.llama_cpp import library
from agent.plan import Plan

_MIB = 1 << 20


def allocated(path: Path, plan: Plan) -> dict[str, float]:
    """Load a model and return the bytes of its buffers by name: `model`, `KV`, `RS`, `output`, `compute`."""
    with _Log() as log:
        model = library.load_model(LoadOptions(path, plan, extra_buffers=True), lambda _: None)
        lib.llama_free(library.create_context(model, plan, plan.context))
        lib.llama_model_free(model)
    return log.buffers()


def dry_run(path: Path, plan: Plan) -> dict[str, float]:
    """Return the same without allocating anything; weights and caches have no size then."""
    params = lib.llama_model_default_params()
    params.load_mode, params.no_alloc = lib.LLAMA_LOAD_MODE_NONE, True
    with _Log() as log:
        model = lib.llama_model_load_from_file(str(path).encode(), params)
        assert model, log.lines[-5:]
        lib.llama_free(library.create_context(model, plan, plan.context))
        lib.llama_model_free(model)
    return log.buffers()


class _Log:
    """Keeps what the library logs."""

    def __enter__(self) -> Self:
        self.lines: list[str] = []
        library.initialise()
        self._keep = lib.llama_log_callback(
            lambda _level, text, _data: self.lines.append(text.decode(errors="replace"))
        )
        lib.llama_log_set(self._keep, ctypes.c_void_p(0))
        return self

    def __exit__(self, *_: object) -> None:
        library.initialise()  # puts the engine's own callback back

    def buffers(self) -> dict[str, float]:
        sizes: dict[str, float] = defaultdict(float)
        for name, size in re.findall(r"(\w+) buffer size\s*=\s*([\d.]+) MiB", "".join(self.lines)):
            sizes[name] += float(size) * _MIB
        return sizes
