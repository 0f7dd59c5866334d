"""The few calls into libllama that need care: loading, memory for logits, tokenizing, and what the library logs."""

import ctypes
import importlib.metadata
from collections import deque
from collections.abc import Callable

import llama_cpp.llama_cpp as lib

from agent.engines import LoadOptions
from agent.errors import EngineError, ModelFileError, RequestError
from agent.plan import Plan

_LOG_LEVEL_WARN = 3  # ggml.h: enum ggml_log_level
_KV_TYPES = {"f16": 1, "q8_0": 8, "q4_0": 2}  # ggml.h: enum ggml_type
_recent: deque[str] = deque(maxlen=8)


@lib.llama_log_callback  # type: ignore[untyped-decorator]  # ctypes function types have no stubs
def _remember(level: int, text: bytes, _user_data: object) -> None:
    if level >= _LOG_LEVEL_WARN and (line := text.decode(errors="replace").strip()):
        _recent.append(line)


def initialise() -> None:
    """Start the library; its warnings and errors are kept for our error messages instead of going to stderr."""
    lib.llama_log_set(_remember, ctypes.c_void_p(0))
    lib.llama_backend_init()


def complaint() -> str:
    """Return the last thing the library complained about, as part of a sentence."""
    errors = [
        line for line in _recent if "error" in line.lower() or "fail" in line.lower() or "unknown" in line.lower()
    ]
    return (errors or list(_recent) or ["no reason given"])[0]


def build() -> str:
    """Return the version of the binding and the CPU features its kernels were built with."""
    features = lib.llama_print_system_info().decode()
    flags = [word.split(" = ")[0].strip() for word in features.replace("CPU :", "").split("|") if " = 1" in word]
    return f"llama-cpp-python {importlib.metadata.version('llama-cpp-python')} ({' '.join(flags)})"


def load_model(options: LoadOptions, on_progress: Callable[[float], None]) -> lib.llama_model_p:
    """Load the weights.

    Raises:
        ModelFileError: the library refuses the file.
    """

    @lib.llama_progress_callback  # type: ignore[untyped-decorator]  # as above
    def progress(fraction: float, _user_data: object) -> bool:
        on_progress(fraction)
        return True

    params = lib.llama_model_default_params()
    params.use_extra_bufts = options.extra_buffers
    params.load_mode = lib.LLAMA_LOAD_MODE_MMAP if options.plan.mapped else lib.LLAMA_LOAD_MODE_NONE
    params.n_gpu_layers = 0 if options.plan.provider == "cpu" else -1
    params.progress_callback = progress
    _recent.clear()
    model: lib.llama_model_p | None = lib.llama_model_load_from_file(str(options.path).encode(), params)
    if model is None:
        raise ModelFileError(
            f"llama.cpp cannot load {options.path}: {complaint()}.",
            field="tensors",
            hint="The file is of a kind that this build does not know, or damaged: `edgewise models verify`.",
        )
    return model


def create_context(model: lib.llama_model_p, plan: Plan, context: int) -> lib.llama_context_p:
    """Create KV cache and compute buffers: `parallel` streams of `context` tokens each.

    Streams are kept apart (`kv_unified` off): eight sequences decode 1.6 times as fast as in one shared buffer,
    where each attends over the cells of all. Logits are reserved for one token per sequence instead of for a whole
    micro-batch, which saves `4 * micro_batch * vocabulary` bytes. Sliding-window layers keep their window only.

    Raises:
        EngineError: not enough memory, most likely.
    """
    params = lib.llama_context_default_params()
    params.n_ctx = context * plan.parallel
    params.n_seq_max = plan.parallel
    params.n_batch = plan.micro_batch + plan.parallel  # the least chunk of prompts may come on top of all who decode
    params.n_ubatch = plan.micro_batch
    params.n_outputs_max = plan.parallel
    params.n_threads = params.n_threads_batch = plan.threads
    params.type_k = params.type_v = _KV_TYPES[plan.kv_type]
    params.kv_unified = False
    params.swa_full = False
    params.no_perf = True
    _recent.clear()
    handle: lib.llama_context_p | None = lib.llama_init_from_model(model, params)
    if handle is None:
        raise EngineError(
            f"llama.cpp cannot make room for {plan.parallel} x {context} tokens of context: {complaint()}.",
            hint="Use a shorter --context or a smaller --parallel.",
        )
    return handle


def tokenize(vocabulary: lib.llama_vocab_p, text: str, *, special: bool, begin: bool) -> list[int]:
    """Return the token ids of a text."""
    data = text.encode()
    size = len(data) + 2
    buffer = (lib.llama_token * size)()
    count = lib.llama_tokenize(vocabulary, data, len(data), buffer, size, begin, special)
    if count < 0:  # a tokenizer that makes more tokens than there are bytes says how many
        size = -count
        buffer = (lib.llama_token * size)()
        count = lib.llama_tokenize(vocabulary, data, len(data), buffer, size, begin, special)
    return buffer[:count]


def piece(vocabulary: lib.llama_vocab_p, token: int, *, special: bool) -> bytes:
    """Return the bytes of one token; control tokens have none unless `special`.

    Raises:
        RequestError: there is no such token.
    """
    if not 0 <= token < lib.llama_vocab_n_tokens(vocabulary):
        raise RequestError(f"There is no token {token} in this model's vocabulary.")
    size = 64
    buffer = ctypes.create_string_buffer(size)
    count = lib.llama_token_to_piece(vocabulary, token, buffer, size, 0, special)
    if count < 0:
        size = -count
        buffer = ctypes.create_string_buffer(size)
        count = lib.llama_token_to_piece(vocabulary, token, buffer, size, 0, special)
    return buffer.raw[:count]


def metadata(model: lib.llama_model_p, key: str) -> str:
    """Return a metadata value of the model as text, or an empty string."""
    buffer = ctypes.create_string_buffer(1024)
    count = lib.llama_model_meta_val_str(model, key.encode(), buffer, len(buffer))
    return buffer.value.decode(errors="replace") if count >= 0 else ""


def chat_template(model: lib.llama_model_p) -> str | None:
    """Return the chat template that the file carries, or None."""
    template = lib.llama_model_chat_template(model, None)
    return template.decode(errors="replace") if template else None
