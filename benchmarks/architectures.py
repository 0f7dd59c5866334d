"""The tensors of some architectures, as llama.cpp's `src/models/*.cpp` wants them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from benchmarks.random_weights import Value

Shapes = Iterator[tuple[str, tuple[int, ...]]]  # name and elements per dimension, as in the file


@dataclass(frozen=True)
class Recipe:
    """What a model file is made from; names as in `agent.shape.Shape`.

    Attributes:
        head: elements of a key and of a value.
        full: for hybrids, every n-th layer has attention; 1 for all.
        metadata: more keys below the architecture's name.
    """

    architecture: str
    layers: int
    embedding: int
    heads: int
    kv_heads: int
    head: int
    feed_forward: int
    vocabulary: int
    quantization: str = "Q4_0"
    context: int = 32768
    tied: bool = True
    full: int = 1
    experts: int = 0
    experts_used: int = 0
    metadata: Mapping[str, Value] = field(default_factory=dict)

    def has_attention(self, layer: int) -> bool:
        """Whether a layer has attention."""
        return (layer + 1) % self.full == 0

    def number(self, key: str) -> int:
        """Return a number of the metadata."""
        return int(str(self.metadata[key]))


def tensors(recipe: Recipe) -> Shapes:
    """Yield all tensors of a model."""
    embedding, last_norm = recipe.embedding, "token_embd_norm" if recipe.architecture == "lfm2" else "output_norm"
    yield "token_embd.weight", (embedding, recipe.vocabulary)
    yield f"{last_norm}.weight", (embedding,)
    if not recipe.tied:
        yield "output.weight", (embedding, recipe.vocabulary)
    if recipe.architecture in {"gemma3n", "gemma4"}:
        yield from _per_layer_embeddings(recipe)
    for layer in range(recipe.layers):
        for name, shape in _block(recipe, layer):
            yield f"blk.{layer}.{name}", shape


def _block(recipe: Recipe, layer: int) -> Shapes:
    attention = recipe.has_attention(layer)
    for name in _NORMS.get(recipe.architecture, ("attn_norm", "ffn_norm")):
        if name in {"attn_q_norm", "attn_k_norm"}:
            if attention:
                yield f"{name}.weight", (_norm_width(recipe, name, layer),)
        else:
            yield f"{name}.weight", (recipe.embedding,)
    yield from _attention(recipe, layer) if attention else _RECURRENT[recipe.architecture](recipe)
    if recipe.architecture == "mamba2":
        return
    yield from _experts(recipe) if recipe.experts else _feed_forward(recipe)
    if recipe.architecture in {"gemma3n", "gemma4"}:
        yield from _per_layer(recipe)


def _norm_width(recipe: Recipe, name: str, layer: int) -> int:
    if recipe.architecture == "olmo2":
        return recipe.head * (recipe.heads if name == "attn_q_norm" else recipe.kv_heads)
    return _head(recipe, layer)


def _head(recipe: Recipe, layer: int) -> int:
    """Return the length of a head; in Gemma 4 it is another one in layers with a sliding window."""
    pattern = recipe.metadata.get("attention.sliding_window_pattern")
    if recipe.architecture == "gemma4" and isinstance(pattern, list) and pattern[layer]:
        return recipe.number("attention.key_length_swa")
    return recipe.head


def _attention(recipe: Recipe, layer: int) -> Shapes:
    head = _head(recipe, layer)
    width, kv_width = recipe.heads * head, recipe.kv_heads * head
    if recipe.architecture == "phi3":
        yield "attn_qkv.weight", (recipe.embedding, width + 2 * kv_width)
    else:
        gated = 2 if recipe.architecture == "qwen35" else 1
        yield "attn_q.weight", (recipe.embedding, gated * width)
        yield "attn_k.weight", (recipe.embedding, kv_width)
        yield "attn_v.weight", (recipe.embedding, kv_width)
    yield "attn_output.weight", (width, recipe.embedding)
    if recipe.architecture == "gpt-oss":
        yield "attn_output.bias", (recipe.embedding,)
        yield "attn_sinks.weight", (recipe.heads,)


def _feed_forward(recipe: Recipe) -> Shapes:
    embedding, inner = recipe.embedding, recipe.feed_forward
    if recipe.architecture == "phi3":
        yield "ffn_up.weight", (embedding, 2 * inner)
    else:
        yield "ffn_gate.weight", (embedding, inner)
        yield "ffn_up.weight", (embedding, inner)
    yield "ffn_down.weight", (inner, embedding)


def _experts(recipe: Recipe) -> Shapes:
    embedding, inner, experts = recipe.embedding, recipe.feed_forward, recipe.experts
    yield "ffn_gate_inp.weight", (embedding, experts)
    yield "ffn_gate_exps.weight", (embedding, inner, experts)
    yield "ffn_up_exps.weight", (embedding, inner, experts)
    yield "ffn_down_exps.weight", (inner, embedding, experts)
    if recipe.architecture == "gpt-oss":
        yield "ffn_gate_inp.bias", (experts,)
        yield "ffn_gate_exps.bias", (inner, experts)
        yield "ffn_up_exps.bias", (inner, experts)
        yield "ffn_down_exps.bias", (embedding, experts)


def _per_layer_embeddings(recipe: Recipe) -> Shapes:
    width = recipe.number("embedding_length_per_layer_input")
    yield "per_layer_token_embd.weight", (width * recipe.layers, recipe.vocabulary)
    yield "per_layer_model_proj.weight", (recipe.embedding, width * recipe.layers)
    yield "per_layer_proj_norm.weight", (width,)
    if recipe.architecture == "gemma3n":
        streams = recipe.number("altup.num_inputs")
        yield "altup_proj.weight", (recipe.embedding, recipe.embedding, streams - 1)
        yield "altup_unembd_proj.weight", (recipe.embedding, recipe.embedding, streams - 1)
    else:
        yield "rope_freqs.weight", (recipe.head // 2,)


def _per_layer(recipe: Recipe) -> Shapes:
    embedding, width = recipe.embedding, recipe.number("embedding_length_per_layer_input")
    yield "inp_gate.weight", (embedding, width)
    yield "proj.weight", (width, embedding)
    yield "post_norm.weight", (embedding,)
    if recipe.architecture == "gemma3n":
        streams = recipe.number("altup.num_inputs")
        yield "altup_correct_coef.weight", (streams, streams)
        yield "altup_correct_scale.weight", (embedding,)
        yield "altup_predict_coef.weight", (streams, streams * streams)
        yield "altup_router.weight", (embedding, streams)
        yield "altup_router_norm.weight", (embedding,)
        yield "laurel_l.weight", (embedding, 64)
        yield "laurel_r.weight", (64, embedding)
        yield "laurel_post_norm.weight", (embedding,)


def _short_convolution(recipe: Recipe) -> Shapes:
    embedding = recipe.embedding
    yield "shortconv.conv.weight", (recipe.number("shortconv.l_cache"), embedding)
    yield "shortconv.in_proj.weight", (embedding, 3 * embedding)
    yield "shortconv.out_proj.weight", (embedding, embedding)


def _gated_delta_net(recipe: Recipe) -> Shapes:
    inner, state, heads = _state_space(recipe)
    width = 2 * state * recipe.number("ssm.group_count") + inner
    yield "attn_qkv.weight", (recipe.embedding, width)
    yield "attn_gate.weight", (recipe.embedding, inner)
    yield "ssm_conv1d.weight", (recipe.number("ssm.conv_kernel"), width)
    yield "ssm_dt.bias", (heads,)
    yield "ssm_a", (heads,)
    yield "ssm_beta.weight", (recipe.embedding, heads)
    yield "ssm_alpha.weight", (recipe.embedding, heads)
    yield "ssm_norm.weight", (state,)
    yield "ssm_out.weight", (inner, recipe.embedding)


def _mamba2(recipe: Recipe) -> Shapes:
    inner, state, heads = _state_space(recipe)
    groups = recipe.number("ssm.group_count")
    width = inner + 2 * groups * state
    yield "ssm_in.weight", (recipe.embedding, inner + width + heads)
    yield "ssm_conv1d.weight", (recipe.number("ssm.conv_kernel"), width)
    yield "ssm_conv1d.bias", (width,)
    yield "ssm_dt.bias", (heads,)
    yield "ssm_a", (1, heads)
    yield "ssm_d", (1, heads)
    yield "ssm_norm.weight", (inner // groups, groups)
    yield "ssm_out.weight", (inner, recipe.embedding)


def _state_space(recipe: Recipe) -> tuple[int, int, int]:
    """Return inner size, state size and number of heads."""
    return recipe.number("ssm.inner_size"), recipe.number("ssm.state_size"), recipe.number("ssm.time_step_rank")


_GEMMA = ("attn_norm", "ffn_norm", "post_attention_norm", "post_ffw_norm")
_NORMS: dict[str, tuple[str, ...]] = {
    "qwen3": ("attn_norm", "ffn_norm", "attn_q_norm", "attn_k_norm"),
    "qwen3moe": ("attn_norm", "ffn_norm", "attn_q_norm", "attn_k_norm"),
    "lfm2": ("attn_norm", "ffn_norm", "attn_q_norm", "attn_k_norm"),
    "qwen35": ("attn_norm", "post_attention_norm", "attn_q_norm", "attn_k_norm"),
    "gpt-oss": ("attn_norm", "post_attention_norm"),
    "olmo2": ("post_attention_norm", "post_ffw_norm", "attn_q_norm", "attn_k_norm"),
    "cohere2": ("attn_norm",),
    "mamba2": ("attn_norm",),
    "gemma2": _GEMMA,
    "gemma3": (*_GEMMA, "attn_q_norm", "attn_k_norm"),
    "gemma3n": (*_GEMMA, "attn_q_norm", "attn_k_norm"),
    "gemma4": (*_GEMMA, "attn_q_norm", "attn_k_norm"),
}
_RECURRENT: dict[str, Callable[[Recipe], Shapes]] = {
    "lfm2": _short_convolution,
    "qwen35": _gated_delta_net,
    "granitehybrid": _mamba2,
    "mamba2": _mamba2,
}
