"""What ONNX models take: the rules, and the truth for one model."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace as changed

from agent.memory import estimate
from agent.onnx import read_folder
from agent.plan import Plan
from agent.shape import Attention, Shape, Weights
from agent.shape.onnx import shape_of
from benchmarks import memory_onnx

MIB = 1 << 20
PLAN = Plan(context=2048, parallel=1, threads=1, micro_batch=128)
ELEMENTS = 64 * MIB
PACKED = Weights("matrix", "int4/32", 40 * MIB, ELEMENTS, 16, MIB)
SHAPE = Shape(
    architecture="llama",
    layers=16,
    embedding=1024,
    feed_forward=4096,
    vocabulary=32768,
    training_context=8192,
    attention=(Attention(16, 8, 2, 128, 128),),
    state_bytes=0,
    experts=0,
    experts_used=0,
    weights=(PACKED,),
    format="onnx",
    kv_type="f32",
)


def weights(*groups: Weights) -> float:
    """Return what weights take, in MiB."""
    return estimate(replace(SHAPE, weights=groups), PLAN, ()).weights / MIB


def test_packing_adds_a_scale_and_a_sum_to_each_block() -> None:
    assert weights(PACKED) == 40 + 2 * 4 * ELEMENTS / 32 / MIB


def test_a_table_that_is_also_the_output_is_there_packed_and_as_it_was() -> None:
    assert weights(replace(PACKED, role="tied")) == weights(PACKED) + ELEMENTS / 2 / MIB


@pytest.mark.parametrize(("kind", "width", "more"), [("f32", 4, 256), ("f16", 2, 256)])
def test_plain_matrices_are_multiplied_as_f32(kind: str, width: int, more: int) -> None:
    group = Weights("matrix", kind, width * ELEMENTS, ELEMENTS, 16, MIB)
    assert weights(group) == 256
    assert weights(replace(group, role="tied")) == 256 + more


def test_of_the_angles_only_the_context_is_touched() -> None:
    angles = Weights("vector", "f32", 32 * MIB, 0, 16, 16 * MIB)
    learned = Weights("vector", "f32", 4 * MIB, MIB, 16, MIB)
    assert weights(angles, learned) == 32 * 2048 / 8192 + 4


@pytest.mark.parametrize(("kv_type", "width"), [("f32", 4), ("f16", 2)])
def test_the_graph_decides_the_type_of_keys_and_values(kv_type: Literal["f16", "f32"], width: int) -> None:
    shape = replace(SHAPE, kv_type=kv_type)
    cells = 3 * 2048
    for asked in ("f16", "q8_0"):
        plan = changed(PLAN, parallel=3, kv_type=asked)
        assert estimate(shape, plan, ()).kv_cache == 16 * 2 * (128 + 128) * cells * width


def test_a_context_is_never_longer_than_the_training() -> None:
    longest = estimate(SHAPE, changed(PLAN, context=8192), ())
    assert estimate(SHAPE, changed(PLAN, context=0), ()) == longest
    assert estimate(SHAPE, changed(PLAN, context=1 << 20), ()) == longest


def test_logits_for_all_tokens_take_a_row_for_each() -> None:
    every = estimate(replace(SHAPE, all_logits=True), PLAN, ()).compute
    assert every - estimate(SHAPE, PLAN, ()).compute == (128 - 1) * 32768 * 4


def test_attention_looks_from_each_new_token_at_the_whole_context() -> None:
    compute = [estimate(SHAPE, changed(PLAN, context=context), ()).compute for context in (4096, 8192)]
    assert compute[1] - compute[0] == 128 * 8 * 4096 * 4


def test_while_the_largest_matrix_is_packed_it_is_there_twice() -> None:
    head = Weights("output", "int8/32", 9 * 256 * MIB // 8, 256 * MIB, 16, 9 * 256 * MIB // 8)
    shape = replace(SHAPE, weights=(PACKED, head))
    short, long = (estimate(shape, changed(PLAN, context=context), ()) for context in (64, 8192))
    assert short.compute == 256 * MIB - short.kv_cache - 280 * SHAPE.vocabulary  # what comes later has this room
    assert long.compute < short.compute
    assert short.total < long.total


def test_the_estimate_is_right_within_five_percent(twin: Path) -> None:
    shape, plan = shape_of(read_folder(twin)), changed(PLAN, context=512, parallel=2)
    measured = asyncio.run(memory_onnx.peak(twin, plan, shape))
    assert estimate(shape, plan, ()).total == pytest.approx(measured, rel=0.05)
