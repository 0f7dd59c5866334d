from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import ModelFileError
from agent.gguf import Header, TensorInfo, read_header
from agent.hardware import probe
from agent.memory import estimate
from agent.plan import Plan
from agent.shape import Attention
from agent.shape.header import shape_of
from benchmarks import models
from tests.shape.buffers import allocated
from tests.shape.tiny_models import TINY

ROUNDING = 0.03 * (1 << 20)  # llama.cpp logs hundredths of a MiB, for each of a few buffers
MODEL = {"block_count": 12, "embedding_length": 512, "attention.head_count": 8}


def header(architecture: str, values: Mapping[str, object], tensors: tuple[TensorInfo, ...] = ()) -> Header:
    """Return the header of a file with these values below the architecture's name."""
    metadata = {f"{architecture}.{key}": value for key, value in {**MODEL, **values}.items()}
    metadata["general.architecture"] = architecture
    return Header(3, 32, metadata, {}, tensors, 0, 0)  # type: ignore[arg-type]  # also values that are wrong


@pytest.mark.parametrize("name", TINY)
def test_a_model_takes_what_llama_cpp_allocates_for_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / "tiny.gguf"
    models.write(TINY[name], path)
    plan = Plan(context=1000, parallel=2, threads=1, micro_batch=128, mapped=False)
    expected = estimate(shape_of(read_header(path)), plan, probe().cpu.features)
    buffers = allocated(path, plan)
    assert expected.kv_cache == pytest.approx(buffers["KV"] + buffers["RS"], abs=ROUNDING)
    assert expected.weights == pytest.approx(buffers["model"], abs=ROUNDING)


@pytest.mark.parametrize(
    ("architecture", "full", "sliding"),
    [
        ("gemma2", 6, 6),
        ("gemma3", 2, 10),
        ("gemma3n", 2, 10),
        ("gpt-oss", 6, 6),
        ("cohere2", 3, 9),
        ("olmo2", 3, 9),
        ("phi3", 12, 0),
        ("qwen3", 12, 0),
        ("nobody-knows-this", 12, 0),
    ],
)
def test_each_architecture_slides_in_its_own_layers(architecture: str, full: int, sliding: int) -> None:
    shape = shape_of(header(architecture, {"attention.sliding_window": 256}))
    layers = {group.window: group.layers for group in shape.attention}
    assert layers == {window: count for window, count in ((0, full), (256, sliding)) if count}


def test_a_pattern_in_the_file_wins() -> None:
    given_layers = {"attention.sliding_window": 256, "attention.sliding_window_pattern": (True, False, False) * 4}
    shape = shape_of(header("gemma3", given_layers))
    assert {group.window: group.layers for group in shape.attention} == {0: 8, 256: 4}


def test_layers_that_use_the_cache_of_another_have_none() -> None:
    values = {
        "block_count": 35,
        "attention.key_length": 512,
        "attention.value_length": 512,
        "attention.key_length_swa": 256,
        "attention.value_length_swa": 256,
        "attention.head_count_kv": 1,
        "attention.sliding_window": 512,
        "attention.sliding_window_pattern": (True, True, True, True, False) * 7,
        "attention.shared_kv_layers": 20,
    }
    shape = shape_of(header("gemma4", values))  # Gemma 4 E2B
    assert set(shape.attention) == {Attention(12, 8, 1, 256, 256, 512), Attention(3, 8, 1, 512, 512)}


def test_only_keys_are_kept_with_latent_attention() -> None:
    values = {
        "attention.head_count_kv": 1,
        "attention.key_length": 576,
        "attention.value_length": 512,
        "attention.key_length_mla": 192,
        "attention.value_length_mla": 128,
    }
    assert shape_of(header("deepseek2", values)).attention == (Attention(12, 8, 1, 576, 0),)


def test_layers_that_predict_further_tokens_keep_nothing() -> None:
    shape = shape_of(header("glm4moe", {"nextn_predict_layers": 2}))
    assert sum(group.layers for group in shape.attention) == 10


def test_qwen35_has_attention_in_every_fourth_layer_and_a_state_in_the_others() -> None:
    values = {
        "block_count": 24,
        "ssm.conv_kernel": 4,
        "ssm.inner_size": 2048,
        "ssm.state_size": 128,
        "ssm.group_count": 16,
        "ssm.time_step_rank": 16,
    }
    shape = shape_of(header("qwen35", values))  # Qwen3.5-2B
    assert sum(group.layers for group in shape.attention) == 6
    assert shape.state_bytes == 20_201_472  # 18 layers of 3 * 6144 + 128 * 2048 floats


def test_an_untied_table_is_looked_up_and_a_tied_one_multiplied() -> None:
    table = TensorInfo("token_embd.weight", (512, 1000), "F16", 0, 1_024_000)
    output = TensorInfo("output.weight", (512, 1000), "F16", 0, 1_024_000)
    assert [group.role for group in shape_of(header("llama", {}, (table,))).weights] == ["tied"]
    assert [group.role for group in shape_of(header("llama", {}, (table, output))).weights] == ["table", "output"]


def test_rows_are_the_power_of_two_that_divides_all() -> None:
    tensors = [TensorInfo(f"blk.{rows}.attn_q.weight", (512, rows), "Q4_0", 0, 288 * rows) for rows in (48, 80, 20, 7)]
    groups = {group.rows: group for group in shape_of(header("llama", {}, tuple(tensors))).weights}
    assert {rows: group.bytes for rows, group in groups.items()} == {16: 288 * 128, 4: 288 * 20, 1: 288 * 7}
    assert groups[16].largest == 288 * 80


@pytest.mark.parametrize(
    ("architecture", "key", "value"),
    [
        ("gemma3", "attention.sliding_window", -1),
        ("gemma3", "attention.sliding_window", "wide"),
        ("mamba", "ssm.inner_size", 1 << 63),
        ("rwkv7", "wkv.head_size", 1 << 31),
        ("llama", "attention.head_count_kv", (8, 8)),
        ("gpt-oss", "attention.sliding_window", 1 << 40),
        ("gemma4", "attention.shared_kv_layers", -1),
        ("qwen35", "attention.recurrent_layers", (True,)),
    ],
)
def test_refuses_absurd_values(architecture: str, key: str, value: object) -> None:
    with pytest.raises(ModelFileError) as caught:
        shape_of(header(architecture, {key: value}))
    assert caught.value.field == f"{architecture}.{key}"


ARCHITECTURES = [
    "llama",
    "gemma3",
    "gemma3n",
    "gemma4",
    "lfm2",
    "qwen35",
    "nemotron_h",
    "mamba2",
    "rwkv7",
    "kimi-linear",
]
KEYS = [
    "attention.head_count_kv", "attention.sliding_window", "attention.sliding_window_pattern",
    "attention.shared_kv_layers", "attention.recurrent_layers", "full_attention_interval", "nextn_predict_layers",
    "ssm.conv_kernel", "ssm.inner_size", "ssm.state_size", "shortconv.l_cache", "wkv.head_size", "kda.head_dim",
    "feed_forward_length",
]  # fmt: skip
NUMBERS = st.integers(-(2**63), 2**64) | st.integers(0, 64)
VALUES = NUMBERS | st.floats() | st.text() | st.booleans() | st.lists(NUMBERS, max_size=24).map(tuple)


@given(st.sampled_from(ARCHITECTURES), st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5))
def test_any_values_give_a_shape_or_a_refusal(architecture: str, values: dict[str, object]) -> None:
    try:
        shape = shape_of(header(architecture, values))
    except ModelFileError:
        return
    assert sum(group.layers for group in shape.attention) <= 12
    assert shape.state_bytes >= 0
