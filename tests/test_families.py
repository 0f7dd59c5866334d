"""The built-in families hold what people and selection rely on."""

from collections import Counter

import pytest

from agent.catalog import File, Model, load_catalog
from agent.models.sources import find_source
from agent.models.starter import MEMBER_SHA256, MEMBER_SIZE, STARTER

CATALOG = load_catalog()
BY_NAME = {model.name: model for model in CATALOG}
FREE = {"Apache-2.0", "MIT"}

# Families that the project promises, with the least number of their models.
PROMISED = {
    "phi": 14,
    "bitnet": 1,
    "qwen1": 3,
    "qwen2": 2,
    "qwen2.5": 6,
    "qwen2.5-coder": 5,
    "qwen2.5-math": 2,
    "qwen3": 9,
    "qwen3.5": 8,
    "gemma2": 1,
    "gemma3": 6,
    "gemma3n": 2,
    "gemma4": 5,
    "smollm": 4,
    "llama": 4,
    "lfm2": 10,
    "granite": 6,
    "nemotron": 1,
    "minicpm": 2,
    "gpt-oss": 1,
    "ministral": 1,
    "deepseek": 1,
    "bonsai": 1,
    "olmo": 1,
}

# KiB of f16 keys and values: per token in full-attention layers, per cell in sliding-window layers. From the
# publishers' configurations; those of Gemma 3 270M and SmolLM2 135M also as llama.cpp allocates them.
KV_KIB = {
    "phi-3.5-mini": (384, 0),
    "phi-4-mini": (128, 0),
    "qwen2.5-0.5b": (12, 0),
    "qwen3-0.6b": (112, 0),
    "qwen3-4b-instruct-2507": (144, 0),
    "qwen3.5-4b": (32, 0),
    "gemma-3-270m": (3, 15),
    "gemma-3-4b": (20, 116),
    "gemma-3n-e2b": (8, 32),
    "gemma-4-e2b": (6, 12),
    "gemma-4-31b": (80, 800),
    "gemma-2-2b": (52, 52),
    "llama-3.2-3b": (112, 0),
    "smollm2-135m": (22.5, 0),
    "smollm3-3b": (72, 0),
    "lfm2.5-1.2b": (12, 0),
    "granite-4.0-h-tiny": (8, 0),
    "gpt-oss-20b": (24, 24),
}

# 10^9 bytes of the first source, from tensor shapes and llama.cpp's quantization rules.
GIGABYTES = {
    ("phi-2", "Q4_K_M"): 1.738,
    ("phi-3.5-mini", "Q4_0"): 2.176,
    ("phi-4-mini", "Q8_0"): 4.084,
    ("qwen2.5-0.5b", "Q4_K_M"): 0.398,
    ("qwen2.5-7b", "Q4_K_M"): 4.683,
    ("qwen3-0.6b", "Q8_0"): 0.639,
    ("qwen3-4b-instruct-2507", "Q4_0"): 2.370,
    ("qwen3-30b-a3b-instruct-2507", "Q4_0"): 17.304,
    ("gemma-3-1b", "Q4_K_M"): 0.806,
    ("gemma-3-12b", "Q4_0"): 6.887,
    ("llama-3.2-3b", "Q4_K_M"): 2.019,
    ("llama-3.1-8b", "Q8_0"): 8.541,
    ("smollm2-135m", "Q4_K_M"): 0.106,
    ("smollm3-3b", "Q4_0"): 1.806,
    ("granite-4.1-3b", "Q4_K_M"): 2.100,
    ("olmo-2-1b", "Q4_K_M"): 0.936,
}

# Bits per weight of the type that gives a quantization its name; I2_S with the f16 embedding table of its one file.
BITS = {
    "Q1_0": 1.125, "I2_S": 3.5, "Q2_0": 2.25, "2.70bpw": 2.6, "IQ4_XS": 4.25, "MXFP4": 4.25, "MXFP4_MOE": 4.25,
    "Q4_0": 4.5, "IQ4_NL": 4.5, "Q4_K_S": 4.5, "Q4_K_M": 4.5, "UD-Q4_K_M": 4.5, "UD-Q4_K_XL": 4.5, "Q4_1": 5.0,
    "Q5_K_M": 5.5, "Q6_K": 6.5625, "Q8_0": 8.5,
}  # fmt: skip


def files() -> list[tuple[Model, File]]:
    return [(model, file) for model in CATALOG for file in model.files]


def test_every_promised_family_is_there_and_none_has_lost_a_model() -> None:
    found = Counter(model.family for model in CATALOG)
    assert {name: min(found[name], least) for name, least in PROMISED.items()} == PROMISED


def test_each_name_is_there_once() -> None:
    assert len(BY_NAME) == len(CATALOG)


def test_every_family_names_its_publisher() -> None:
    assert all(model.publisher for model in CATALOG)
    assert BY_NAME["tinyllama-1.1b"].publisher == "TinyLlama project"


def test_every_file_can_be_pulled() -> None:
    assert all(find_source(file.reference) for _, file in files())
    assert not [file.reference for _, file in files() if file.reference.startswith("hf:") and "@" in file.reference]


def test_no_file_is_listed_twice() -> None:
    assert not [reference for reference, count in Counter(file.reference for _, file in files()).items() if count > 1]


def test_the_starter_is_a_file_of_the_catalogue() -> None:
    starter = next(file for file in BY_NAME["smollm2-135m"].files if file.reference == STARTER)
    assert (starter.bytes, starter.sha256, starter.exact) == (MEMBER_SIZE, MEMBER_SHA256, True)


def test_verified_sources_come_first_unless_they_are_larger() -> None:
    for model in CATALOG:
        for quantization, trained in {(file.quantization, file.trained) for file in model.files}:
            sources = [f for f in model.files if (f.quantization, f.trained) == (quantization, trained)]
            assert len(sources) <= 2, (model.name, quantization)
            first, *others = sources
            assert first.verified or not [f for f in others if f.verified and f.bytes < 1.02 * first.bytes], model.name


def test_trained_quantizations_come_before_ordinary_ones() -> None:
    for model in CATALOG:
        first: dict[str, bool] = {}
        for file in model.files:
            assert first.setdefault(file.quantization, file.trained) or not file.trained, file.reference


def test_sizes_fit_parameters_and_quantization() -> None:
    for model, file in files():
        assert model.shape is not None
        bits = file.bytes * 8 / model.shape.parameters
        # Small models spend more on tables, and rows that do not fit a block are stored in a larger type.
        most = 1.35 if model.shape.parameters > 2e9 else 1.85
        low = BITS[file.quantization]
        assert 0.98 * low < bits < most * low, (file.reference, bits)


@pytest.mark.parametrize("name", KV_KIB)
def test_the_kv_cache_of_a_token_follows_from_the_shape(name: str) -> None:
    shape = BY_NAME[name].shape
    assert shape is not None
    groups = [(g.window, g.layers * g.kv_heads * (g.key_length + g.value_length) * 2 / 1024) for g in shape.attention]
    assert (sum(k for window, k in groups if not window), sum(k for window, k in groups if window)) == KV_KIB[name]


@pytest.mark.parametrize(("name", "quantization"), GIGABYTES)
def test_sizes_agree_with_the_tensor_shapes(name: str, quantization: str) -> None:
    file = next(file for file in BY_NAME[name].files if file.quantization == quantization)
    assert file.bytes == pytest.approx(GIGABYTES[name, quantization] * 1e9, rel=0.01)


def test_tables_that_are_only_looked_up_are_not_active() -> None:
    for model in CATALOG:
        if (shape := model.shape) and not shape.experts:
            table = 0 if shape.tied else shape.vocabulary * shape.embedding
            assert shape.active == pytest.approx(shape.parameters - shape.looked_up - table, rel=0.02), model.name


def test_a_licence_that_is_not_free_says_what_it_demands() -> None:
    for model in CATALOG:
        assert bool(model.restrictions) == (model.licence not in FREE), model.name
        assert not model.restrictions or model.restrictions.count(". ") == 0, model.name


def test_what_llama_cpp_cannot_run_says_why() -> None:
    expected = {"bitnet-b1.58-2b-4t", "phi-silica", "phi-4-mini-flash-reasoning", "phi-4-multimodal"}
    assert {model.name for model in CATALOG if model.unsupported} == expected


def test_a_score_that_nobody_published_is_called_an_estimate() -> None:
    for model in CATALOG:
        quality = model.quality
        assert quality.source, model.name
        if "mmlu_pro" in quality.benchmarks:
            assert quality.score == pytest.approx(quality.benchmarks["mmlu_pro"], abs=0.1), model.name
        else:
            assert quality.estimated, model.name
        assert not quality.estimated or any(word in quality.source for word in ("guessed", "mapped", "no published"))


def test_base_models_are_not_for_chat() -> None:
    assert all("chat" not in model.use for model in CATALOG if model.chat == "none")


def test_tool_syntax_is_named_only_for_models_that_call_tools() -> None:
    assert not [model.name for model in CATALOG if model.tool_syntax and not model.tools]


def test_builds_for_onnx_runtime_are_kept() -> None:
    assert "genai" in {build.layout for build in BY_NAME["phi-4-mini"].onnx}
    assert BY_NAME["phi-4-multimodal"].onnx
    assert sum(len(model.onnx) for model in CATALOG) >= 29
