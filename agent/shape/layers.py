"""What each layer of a model in a GGUF file keeps for past tokens: keys and values, a recurrent state, or nothing.

After `load_hparams` in `src/llama-model.cpp`, `load_arch_hparams` in `src/models/*.cpp` and `src/llama-hparams.cpp` of
llama.cpp as bundled with llama-cpp-python 0.3.36. Of an architecture that is not named here every layer is taken to
keep all keys and values.
"""

from collections import Counter
from dataclasses import dataclass

from agent.errors import ModelFileError
from agent.gguf import Header
from agent.shape import Attention

_MAX_SIZE = 1 << 24  # of a state, a kernel, a head
_MAX_WINDOW = 2**31 - 1


@dataclass(frozen=True, slots=True)
class _Sliding:
    """How an architecture mixes windows and full attention.

    Attributes:
        period: one layer of so many has full attention, where the file does not say; 0 where it must say.
        first: that layer is the first of them instead of the last.
        window: tokens, where the file does not say.
        fixed: that window whatever the file says.
    """

    period: int = 0
    first: bool = False
    window: int = 0
    fixed: bool = False


_SLIDING = {
    "afmoe": _Sliding(4),
    "cohere2": _Sliding(4),
    "cohere2moe": _Sliding(4, first=True),
    "dots3note": _Sliding(),
    "exaone-moe": _Sliding(4, window=128),
    "exaone4": _Sliding(4, window=4096),
    "gemma2": _Sliding(2, window=4096),
    "gemma3": _Sliding(6),
    "gemma3n": _Sliding(5),
    "gemma4": _Sliding(),
    "gpt-oss": _Sliding(2),
    "granite_swa": _Sliding(),
    "laguna": _Sliding(4, first=True),
    "llama4": _Sliding(4, window=8192, fixed=True),
    "maple": _Sliding(),
    "mellum": _Sliding(4),
    "mimo2": _Sliding(),
    "muse-glimmer": _Sliding(4),
    "olmo2": _Sliding(4),
    "plamo3": _Sliding(8),
    "smallthinker": _Sliding(4, first=True, window=4096, fixed=True),
    "spark2_5": _Sliding(),
    "step35": _Sliding(),
}
_RECURRENT = {"mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"}
_RECURRENT_WITHOUT_HEADS = {
    "bailingmoe3", "glm5-next", "granitehybrid", "jamba", "kimi-k3", "kimi-linear", "lfm2", "lfm2moe", "nemotron_h",
    "nemotron_h_moe", "plamo2",
}  # fmt: skip
_RECURRENT_BETWEEN = {"qwen3next": 4, "qwen35": 4, "qwen35moe": 4, "qwen4exp": 4, "minimax-01": 8}  # default period
_GEMMA3N_OWN_CACHES = 20  # its later layers use the caches of earlier ones; a constant in gemma3n.cpp
_EXAONE4_SLIDING = 64  # layers of the one size of EXAONE 4 that has windows


def attention(header: Header) -> tuple[Attention, ...]:
    """Return the layers that have KV caches of their own, those of one shape together.

    Raises:
        ModelFileError: a value is absurd.
    """
    if header.architecture in _RECURRENT:
        return ()
    heads = per_layer(header, "attention.head_count", 0)
    kv_heads = per_layer(header, "attention.head_count_kv", None) or heads
    windows = _windows(header)
    recurrent = _recurrent(header) if header.architecture != "falcon-h1" else [False] * header.block_count
    lengths = {sliding: _lengths(header, heads, sliding=sliding) for sliding in (False, True)}
    groups: Counter[tuple[int, int, int, int, int]] = Counter()
    for layer in range(_cached(header)):
        if kv_heads[layer] and not recurrent[layer]:
            groups[heads[layer], kv_heads[layer], *lengths[windows[layer] > 0], windows[layer]] += 1
    return tuple(Attention(layers, *group) for group, layers in groups.items())


def state_bytes(header: Header) -> int:
    """Return the bytes of recurrent state that a sequence has in all layers (`n_embd_r`, `n_embd_s`; F32).

    Raises:
        ModelFileError: a value is absurd.
    """
    layers = sum(_recurrent(header)[: _trunk(header)])
    return 4 * layers * _state_elements(header) if layers else 0


def per_layer(header: Header, key: str, default: int | None) -> list[int]:
    """Return a hyperparameter for each layer, whether the file has one number or one per layer; empty without any.

    Raises:
        ModelFileError: there are fewer numbers than layers.
    """
    value = header.hyperparameter(key)
    if isinstance(value, tuple):
        if len(value) < header.block_count:
            raise _absurd(header, key, f"has {len(value)} values for {header.block_count} layers")
        return [int(number) for number in value]
    number = value if isinstance(value, int) else default
    return [] if number is None else [number] * header.block_count


def _number(header: Header, key: str, default: int = 0, limit: int = _MAX_SIZE) -> int:
    value = header.hyperparameter(key)
    if value is None:
        return default
    if not isinstance(value, int) or not 0 <= value <= limit:
        raise _absurd(header, key, f"is {value!r}; it must be a whole number from 0 to {limit}")
    return value


def _absurd(header: Header, key: str, problem: str) -> ModelFileError:
    field = f"{header.architecture}.{key}"
    hint = "The file is damaged, or of a kind that is not known; choose another file."
    return ModelFileError(f"{field} {problem}.", field=field, hint=hint)


def _trunk(header: Header) -> int:
    """Return the number of layers without those that only predict further tokens (MTP), which are not loaded."""
    extra = _number(header, "nextn_predict_layers")
    return header.block_count - extra if extra < header.block_count else header.block_count


def _cached(header: Header) -> int:
    """Return how many layers, from the first, have caches of their own."""
    if header.architecture == "gemma3n":
        return min(_GEMMA3N_OWN_CACHES, header.block_count)
    shared = _number(header, "attention.shared_kv_layers") if header.architecture == "gemma4" else 0
    return max(0, _trunk(header) - shared)


def _lengths(header: Header, heads: list[int], *, sliding: bool) -> tuple[int, int]:
    """Return the elements of a key and of a value; with latent attention (MLA) only keys are kept."""
    usual = _number(header, "embedding_length") // max(1, *heads)
    key, value = (_number(header, f"attention.{name}_length", usual) for name in ("key", "value"))
    if sliding:
        key = _number(header, "attention.key_length_swa", key)
        value = _number(header, "attention.value_length_swa", value)
    latent = all(_number(header, f"attention.{name}_length_mla") for name in ("key", "value"))
    return key, 0 if latent else value


def _windows(header: Header) -> list[int]:
    """Return the sliding window of each layer, 0 for full attention (`set_swa_pattern`, `load_swa_pattern`)."""
    if header.architecture in {"lfm2", "lfm2moe"}:
        return [_number(header, "attention.sliding_window", limit=_MAX_WINDOW)] * header.block_count
    sliding = _SLIDING.get(header.architecture)
    full = [0] * header.block_count
    if sliding is None or (header.architecture == "exaone4" and _trunk(header) != _EXAONE4_SLIDING):
        return full
    window = _number(header, "attention.sliding_window", sliding.window, _MAX_WINDOW)
    if not window:
        return full
    window = sliding.window if sliding.fixed else window
    return [window if slides else 0 for slides in _pattern(header, sliding)]


def _pattern(header: Header, sliding: _Sliding) -> list[bool]:
    key = "attention.sliding_window_pattern"
    if isinstance(header.hyperparameter(key), tuple):
        return [bool(slides) for slides in per_layer(header, key, 0)]
    period = _number(header, key, sliding.period)
    if not period:
        return [sliding.period > 0] * header.block_count
    full = 0 if sliding.first else period - 1
    return [layer % period != full for layer in range(header.block_count)]


def _recurrent(header: Header) -> list[bool]:
    """Return which layers have a recurrent state."""
    architecture, count = header.architecture, header.block_count
    if architecture in _RECURRENT or architecture == "falcon-h1":
        return [True] * count
    if architecture in _RECURRENT_WITHOUT_HEADS:
        feed_forward = (
            per_layer(header, "feed_forward_length", 0) if architecture.startswith("nemotron") else [0] * count
        )
        kv_heads = per_layer(header, "attention.head_count_kv", 1)
        return [not kv and not inner for kv, inner in zip(kv_heads, feed_forward, strict=False)]
    if architecture in _RECURRENT_BETWEEN:
        named = header.hyperparameter("attention.recurrent_layers")
        if isinstance(named, tuple):
            return [bool(recurrent) for recurrent in per_layer(header, "attention.recurrent_layers", 0)]
        period = max(1, _number(header, "full_attention_interval", _RECURRENT_BETWEEN[architecture]))
        return [(layer + 1) % period != 0 for layer in range(count)]
    return [False] * count


def _state_elements(header: Header) -> int:
    """Return the elements of the state of one layer."""
    embedding = _number(header, "embedding_length")
    heads = per_layer(header, "attention.head_count", 0)[0]
    kernel = max(0, _number(header, "ssm.conv_kernel") - 1)
    if size := _number(header, "wkv.head_size"):  # RWKV
        return embedding * (_number(header, "token_shift_count", 2) + size)
    if kept := _number(header, "shortconv.l_cache"):  # LFM2
        return embedding * (kept - 1)
    if head := _number(header, "kda.head_dim"):  # Kimi
        return heads * head * (3 * (kernel or 3) + head)
    if header.architecture == "minimax-01":
        return heads * _number(header, "attention.key_length", embedding // max(1, heads)) ** 2
    inner, state = _number(header, "ssm.inner_size"), _number(header, "ssm.state_size")
    return kernel * (inner + 2 * _number(header, "ssm.group_count") * state) + state * inner
