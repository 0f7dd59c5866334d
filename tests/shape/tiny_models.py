"""Small models with random weights, one of each kind of architecture."""

from benchmarks.architectures import Recipe

_WINDOW = {"attention.sliding_window": 256}
_STATE_SPACE = {
    "ssm.conv_kernel": 4,
    "ssm.inner_size": 512,
    "ssm.state_size": 64,
    "ssm.time_step_rank": 8,
    "ssm.group_count": 2,
}
_PER_LAYER = {"embedding_length_per_layer_input": 64}


def _tiny(architecture: str, *, layers: int = 6, **changes: object) -> Recipe:
    values: dict[str, object] = {"heads": 4, "kv_heads": 2, "head": 64, "feed_forward": 512} | changes
    return Recipe(architecture=architecture, layers=layers, embedding=256, vocabulary=1024, **values)  # type: ignore[arg-type]


TINY = {
    "llama": _tiny("llama", quantization="TQ2_0"),
    "qwen3": _tiny("qwen3", quantization="Q4_K_M"),
    "qwen3moe": _tiny("qwen3moe", tied=False, experts=8, experts_used=2),
    "phi3": _tiny("phi3", quantization="Q8_0"),
    "gemma2": _tiny("gemma2", metadata=_WINDOW),
    "gemma3": _tiny("gemma3", layers=7, quantization="Q4_K_M", metadata=_WINDOW),
    "gemma3n": _tiny(
        "gemma3n",
        layers=22,
        metadata={
            **_WINDOW,
            "embedding_length_per_layer_input": 256,
            "altup.num_inputs": 4,
            "altup.active_idx": 0,
        },
    ),
    "gemma4": _tiny(
        "gemma4",
        layers=10,
        head=128,
        metadata={
            **_WINDOW,
            **_PER_LAYER,
            "attention.key_length_swa": 64,
            "attention.value_length_swa": 64,
            "attention.sliding_window_pattern": [True, True, True, True, False] * 2,
            "attention.shared_kv_layers": 5,
            "final_logit_softcapping": 30.0,
        },
    ),
    "gpt-oss": _tiny("gpt-oss", quantization="MXFP4_MOE", tied=False, experts=8, experts_used=2, metadata=_WINDOW),
    "cohere2": _tiny("cohere2", metadata={**_WINDOW, "logit_scale": 0.1}),
    "olmo2": _tiny("olmo2", tied=False),
    "lfm2": _tiny("lfm2", full=3, metadata={"shortconv.l_cache": 3}),
    "qwen35": _tiny(
        "qwen35",
        layers=8,
        full=4,
        metadata={**_STATE_SPACE, "rope.dimension_sections": [11, 11, 10, 0], "rope.dimension_count": 64},
    ),
    "granitehybrid": _tiny(
        "granitehybrid",
        full=3,
        metadata={
            **_STATE_SPACE,
            "attention.scale": 0.02,
            "residual_scale": 0.2,
            "logit_scale": 8.0,
            "embedding_scale": 12.0,
        },
    ),
    "mamba2": _tiny("mamba2", heads=0, kv_heads=0, head=1, feed_forward=0, full=99, metadata=_STATE_SPACE),
}
