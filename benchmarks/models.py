"""Models that are shaped like real ones and have random weights, for measurements and tests without a model hub."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from agent.shape.quantization import Quantization
from benchmarks import architectures, random_weights
from benchmarks.architectures import Recipe
from benchmarks.random_weights import Value


def write(recipe: Recipe, path: Path, *, hollow: bool = False) -> None:
    """Write a model file; a hollow one has no weights, for dry runs."""
    tensors = dict(_tensors(recipe))
    random_weights.write(path, recipe.architecture, _metadata(recipe), recipe.vocabulary, tensors, hollow=hollow)


def cached(name: str, directory: Path) -> Path:
    """Return the file of a model of `RECIPES`, written if it is not there yet."""
    path = directory / f"{name}.gguf"
    if not path.is_file():
        directory.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        write(RECIPES[name], unfinished)
        unfinished.rename(path)
    return path


def _metadata(recipe: Recipe) -> dict[str, Value]:
    by_layer = [recipe.kv_heads if recipe.has_attention(layer) else 0 for layer in range(recipe.layers)]
    # Hybrids name their layers with attention by their heads; Qwen 3.5 counts them out.
    told = recipe.full > 1 and recipe.architecture != "qwen35"
    values: dict[str, Value] = {
        "block_count": recipe.layers,
        "context_length": recipe.context,
        "embedding_length": recipe.embedding,
        "feed_forward_length": recipe.feed_forward,
        "attention.head_count": recipe.heads,
        "attention.head_count_kv": by_layer if told else recipe.kv_heads,
        "attention.key_length": recipe.head,
        "attention.value_length": recipe.head,
        "attention.layer_norm_rms_epsilon": 1e-6,
        "attention.layer_norm_epsilon": 1e-6,
        "rope.dimension_count": recipe.head,
    }
    if recipe.experts:
        values |= {"expert_count": recipe.experts, "expert_used_count": recipe.experts_used}
        values["expert_feed_forward_length"] = recipe.feed_forward
    return values | dict(recipe.metadata)


def _tensors(recipe: Recipe) -> Iterator[tuple[str, tuple[tuple[int, ...], str]]]:
    group = recipe.heads // max(1, recipe.kv_heads)
    quantization = Quantization(recipe.quantization, recipe.layers, recipe.tied, group)
    for name, shape in architectures.tensors(recipe):
        if len(shape) == 1 or not name.endswith(".weight") or name.endswith("_norm.weight"):
            yield name, (shape, "F32")
            continue
        block = name.split(".")
        layer = int(block[1]) if block[0] == "blk" else 0
        kind = name.removesuffix(".weight").removeprefix(f"blk.{layer}.")
        yield name, (shape, quantization.type_of(kind, shape[0], layer))


_QWEN3 = Recipe("qwen3", 28, 1024, 16, 8, 128, 3072, 151936, context=40960)
_GEMMA3 = Recipe("gemma3", 26, 1152, 4, 1, 256, 6912, 262144, metadata={"attention.sliding_window": 512})
_PHI4 = Recipe("phi3", 8, 3072, 24, 8, 128, 8192, 200064, context=131072)
_MOE = Recipe("qwen3moe", 12, 1024, 16, 4, 64, 512, 151936, tied=False, experts=32, experts_used=4)
_MOE_30B = Recipe("qwen3moe", 5, 2048, 32, 4, 128, 768, 151936, tied=False, experts=128, experts_used=8)
_LFM2 = Recipe("lfm2", 16, 1024, 16, 8, 64, 4608, 65536, full=3, metadata={"shortconv.l_cache": 3})
_BITNET = Recipe("llama", 12, 2560, 20, 5, 128, 6912, 128256, context=4096)

# Name, with the quantization -> recipe. Phi-4-mini, the ternary one and the large mixture (in the shape of
# Qwen3-30B-A3B) have fewer layers than their models.
RECIPES: dict[str, Recipe] = {
    f"{name}-{quantization}": replace(recipe, quantization=quantization)
    for name, recipe, quantizations in (
        ("qwen3-0.6b", _QWEN3, ("Q4_0", "Q4_K_M", "Q8_0")),
        ("gemma-3-1b", _GEMMA3, ("Q4_0", "Q4_K_M", "Q8_0")),
        ("phi-4-mini", _PHI4, ("Q4_0", "Q4_K_M", "Q8_0")),
        ("moe-0.9b", _MOE, ("Q4_0", "Q4_K_M", "MXFP4_MOE")),
        ("moe-30b", _MOE_30B, ("Q4_K_M",)),
        ("lfm2-350m", _LFM2, ("Q4_0", "Q4_K_M", "Q8_0")),
        ("ternary", _BITNET, ("TQ1_0", "TQ2_0")),
    )
    for quantization in quantizations
}
