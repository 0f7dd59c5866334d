import asyncio
import timeit
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from agent.catalog import load_catalog
from agent.gguf import read_header
from agent.hardware import probe
from agent.memory import MemoryEstimate, estimate, recommend_mapped
from agent.plan import Plan
from agent.shape import Attention, Shape, Weights
from agent.shape.header import shape_of
from agent.shape.published import shape_from
from benchmarks import memory, models
from benchmarks.architectures import Recipe
from tests.shape.buffers import dry_run

MIB = 1 << 20
AVX2 = ("avx2",)
PLAN = Plan(context=8192, parallel=1, threads=1, micro_batch=512)
GEMMA_270M = Shape(
    architecture="gemma3",
    layers=18,
    embedding=640,
    feed_forward=2048,
    vocabulary=262144,
    training_context=32768,
    attention=(Attention(15, 4, 1, 256, 256, 512), Attention(3, 4, 1, 256, 256)),
    state_bytes=0,
    experts=0,
    experts_used=0,
    weights=(
        Weights("tied", "Q8_0", 170 * MIB, 1, 16, 170 * MIB),
        Weights("matrix", "Q4_K", 50 * MIB, 1, 16, MIB),
        Weights("vector", "F32", MIB, 1, 1, 1),
    ),
)
SHAPES = [shape_from(model.shape, file) for model in load_catalog() if model.shape for file in model.files[:1]]


def kv_cache(shape: Shape, plan: Plan) -> float:
    """Return the KV cache in MiB."""
    return estimate(shape, plan, ()).kv_cache / MIB


@pytest.mark.parametrize(
    ("context", "parallel", "micro_batch", "expected"),
    [
        (8192, 1, 512, 24 + 15),
        (8192, 1, 128, 24 + 11.25),
        (32768, 1, 128, 96 + 11.25),
        (2048, 4, 512, 24 + 60),
    ],
)
def test_a_window_keeps_its_tokens_and_a_batch(context: int, parallel: int, micro_batch: int, expected: float) -> None:
    # As llama.cpp logged it for Gemma-3-270M.
    assert kv_cache(GEMMA_270M, Plan(context, parallel, 1, micro_batch)) == expected


def test_a_context_is_never_longer_than_the_training() -> None:
    longest = kv_cache(GEMMA_270M, changed(PLAN, context=32768))
    assert kv_cache(GEMMA_270M, changed(PLAN, context=0)) == longest
    assert kv_cache(GEMMA_270M, changed(PLAN, context=1 << 20)) == longest


@pytest.mark.parametrize(("kv_type", "bits"), [("f16", 16), ("q8_0", 8.5), ("q4_0", 4.5)])
def test_quantized_keys_and_values_take_their_bits_and_scales(kv_type: str, bits: float) -> None:
    plan = changed(PLAN, kv_type=kv_type)
    assert kv_cache(GEMMA_270M, plan) == pytest.approx(39 * bits / 16)


def test_a_recurrent_state_is_there_once_for_each_sequence() -> None:
    shape = replace(GEMMA_270M, attention=(), state_bytes=5 * MIB)
    assert kv_cache(shape, changed(PLAN, parallel=4)) == 20


def test_a_mapped_file_exists_beside_its_repacked_weights() -> None:
    assert estimate(GEMMA_270M, changed(PLAN, mapped=True), ()).weights == 221 * MIB
    assert estimate(GEMMA_270M, changed(PLAN, mapped=True), AVX2).weights == 271 * MIB
    assert estimate(GEMMA_270M, changed(PLAN, mapped=False), AVX2).weights == 221 * MIB


def test_the_table_exists_twice_when_the_output_is_repacked() -> None:
    arm = ("asimddp",)
    assert estimate(GEMMA_270M, changed(PLAN, mapped=False), arm).weights == 391 * MIB


def test_gemma_4_has_its_table_twice_unless_it_is_mapped() -> None:
    shape = replace(GEMMA_270M, architecture="gemma4")
    assert estimate(shape, changed(PLAN, mapped=False), ()).weights == 391 * MIB
    assert estimate(shape, changed(PLAN, mapped=True), ()).weights == 221 * MIB


def test_nothing_is_repacked_for_a_gpu() -> None:
    assert estimate(GEMMA_270M, changed(PLAN, provider="cuda"), AVX2).weights == 221 * MIB


def test_a_file_is_mapped_when_little_of_it_is_repacked() -> None:
    table, matrix, vector = GEMMA_270M.weights
    little = replace(GEMMA_270M, weights=(table, replace(matrix, bytes=20 * MIB), vector))
    assert recommend_mapped(GEMMA_270M, ())
    assert recommend_mapped(little, AVX2)
    assert not recommend_mapped(GEMMA_270M, AVX2)


def test_the_prompt_cache_counts_as_it_is_allowed() -> None:
    without, with_cache = (estimate(GEMMA_270M, changed(PLAN, prompt_cache=size), ()) for size in (0, 64 * MIB))
    assert with_cache.prompt_cache == with_cache.total - without.total == 64 * MIB


PLANS = st.builds(
    Plan,
    context=st.integers(1, 1 << 18),
    parallel=st.integers(1, 16),
    threads=st.just(4),
    micro_batch=st.integers(1, 4096),
    kv_type=st.sampled_from(["f16", "q8_0", "q4_0"]),
    prompt_cache=st.integers(0, 1 << 30),
    mapped=st.booleans(),
)


@given(st.sampled_from(SHAPES), PLANS)
def test_the_total_is_the_sum_of_its_parts(shape: Shape, plan: Plan) -> None:
    found = estimate(shape, plan, AVX2)
    parts = [getattr(found, name) for name in MemoryEstimate.__struct_fields__ if name != "total"]
    assert min(parts) >= 0
    assert found.total == sum(parts)


@given(st.sampled_from(SHAPES), PLANS, st.sampled_from(["context", "parallel", "micro_batch"]), st.integers(1, 5000))
def test_more_of_anything_never_takes_less(shape: Shape, plan: Plan, what: str, more: int) -> None:
    larger = changed(plan, **{what: getattr(plan, what) + more})
    assert estimate(shape, larger, AVX2).total >= estimate(shape, plan, AVX2).total


@given(st.sampled_from(SHAPES), PLANS)
def test_fewer_bits_never_take_more(shape: Shape, plan: Plan) -> None:
    sizes = [estimate(shape, changed(plan, kv_type=kind), AVX2).total for kind in ("q4_0", "q8_0", "f16")]
    assert sizes == sorted(sizes)


REAL = {
    "llama-3.2-1b": Recipe("llama", 4, 2048, 32, 8, 64, 8192, 4096),
    "qwen3-4b": Recipe("qwen3", 4, 2560, 32, 8, 128, 9728, 4096),
    "phi-4-mini": Recipe("phi3", 4, 3072, 24, 8, 128, 8192, 4096),
    "gemma-3-4b": Recipe("gemma3", 6, 2560, 8, 4, 256, 10240, 4096, metadata={"attention.sliding_window": 1024}),
    "qwen3-30b-a3b": Recipe("qwen3moe", 4, 2048, 32, 4, 128, 768, 4096, experts=128, experts_used=8, tied=False),
    "lfm2-1.2b": Recipe("lfm2", 6, 2048, 32, 8, 64, 8192, 4096, full=3, metadata={"shortconv.l_cache": 3}),
}


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize(("parallel", "micro_batch"), [(1, 512), (4, 128)])
def test_compute_is_near_what_llama_cpp_reserves(tmp_path: Path, name: str, parallel: int, micro_batch: int) -> None:
    path = tmp_path / "hollow.gguf"
    models.write(REAL[name], path, hollow=True)
    plan = Plan(4096, parallel, 1, micro_batch)
    shape = shape_of(read_header(path))
    buffers = dry_run(path, plan)
    work = micro_batch * max(1, shape.experts_used) * shape.feed_forward * 9 // 8  # not in the log
    assert estimate(shape, plan, ()).compute - work == pytest.approx(buffers["compute"] + buffers["output"], rel=0.1)


def test_the_starter_takes_what_was_said_within_five_percent(starter: Path) -> None:
    shape, features = shape_of(read_header(starter)), probe().cpu.features
    plan = Plan(2048, 2, 1, 128, mapped=recommend_mapped(shape, features))
    measured = asyncio.run(memory.peak(starter, plan, shape.vocabulary))
    assert estimate(shape, plan, features).total == pytest.approx(measured, rel=0.05)


def test_an_estimate_takes_less_than_fifty_microseconds() -> None:
    once = min(timeit.repeat(lambda: estimate(GEMMA_270M, PLAN, AVX2), number=200, repeat=10)) / 200
    assert once < 50e-6
