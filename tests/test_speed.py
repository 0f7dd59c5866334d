"""Predictions of speed follow from shapes, and are never infinite."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.plan import Plan
from agent.shape import Attention, Shape, Weights
from agent.speed import Rates, expected, predict
from tests.selection.making import measured, shape

PLAN = Plan(context=4096, parallel=1, threads=4, micro_batch=512)
RATES = expected("a test", 10e9, 100e9)


def matrix(size: int, elements: int, kind: str = "Q4_K", role: str = "matrix") -> Weights:
    return Weights(role, kind, size, elements, 16, size)  # type: ignore[arg-type]


def bare(*weights: Weights, experts: int = 0, used: int = 0) -> Shape:
    """A model of weights alone, without attention."""
    return Shape("llama", 4, 1024, 4096, 32000, 4096, (), 0, experts, used, weights)


def test_an_answer_reads_every_weight_once_per_token() -> None:
    assert predict(bare(matrix(10**9, 2 * 10**9)), PLAN, RATES).decode == pytest.approx(10)


def test_a_prompt_multiplies_every_element_once_per_token() -> None:
    assert predict(bare(matrix(10**9, 2 * 10**9)), PLAN, RATES).prefill == pytest.approx(50)


def test_looked_up_tables_cost_nothing() -> None:
    table = matrix(10**9, 10**9, role="table")
    assert predict(bare(matrix(10**9, 10**9), table), PLAN, RATES) == predict(bare(matrix(10**9, 10**9)), PLAN, RATES)


def test_logits_are_computed_for_each_token_of_an_answer_and_not_of_a_prompt() -> None:
    with_output = predict(bare(matrix(10**9, 10**9), matrix(10**9, 10**9, role="output")), PLAN, RATES)
    without = predict(bare(matrix(10**9, 10**9)), PLAN, RATES)
    assert with_output.decode == pytest.approx(without.decode / 2)
    assert with_output.prefill == pytest.approx(without.prefill)


def test_a_graph_that_computes_logits_for_all_tokens_multiplies_them_too() -> None:
    model = bare(matrix(10**9, 10**9), matrix(10**9, 10**9, role="tied"))
    every = predict(replace(model, all_logits=True), PLAN, RATES)
    assert every.prefill == pytest.approx(predict(model, PLAN, RATES).prefill / 2)
    assert every.decode == pytest.approx(predict(model, PLAN, RATES).decode)


def test_a_model_that_decides_the_type_of_its_cache_is_not_asked_for_another() -> None:
    slow = msgspec.structs.replace(RATES, attention_decode={"f16": 1e9, "f32": 1e12})
    model = replace(bare(matrix(10**9, 10**9)), attention=(Attention(4, 8, 8, 128, 128),))
    assert predict(replace(model, kv_type="f32"), PLAN, slow).decode > predict(model, PLAN, slow).decode


def test_of_a_mixture_only_the_experts_in_use_count() -> None:
    experts = matrix(8 * 10**9, 8 * 10**9, role="experts")
    alike = msgspec.structs.replace(RATES, experts_decode=1.0)
    assert predict(bare(experts, experts=8, used=2), PLAN, alike).decode == pytest.approx(5)


def test_experts_take_longer_than_other_weights_by_a_factor() -> None:
    experts = bare(matrix(8 * 10**9, 8 * 10**9, role="experts"), experts=8, used=2)
    alike, slower = (msgspec.structs.replace(RATES, experts_decode=factor) for factor in (1.0, 2.0))
    assert predict(experts, PLAN, slower).decode == pytest.approx(predict(experts, PLAN, alike).decode / 2)


def test_each_type_has_its_own_rate_and_an_unknown_one_the_slowest() -> None:
    rates = msgspec.structs.replace(RATES, decode={"Q4_K": 10e9, "Q8_0": 40e9})
    speeds = [predict(bare(matrix(10**9, 10**9, kind)), PLAN, rates).decode for kind in ("Q4_K", "Q8_0", "IQ1_S")]
    assert speeds == pytest.approx([10, 40, 10])


def test_what_operations_cost_slows_small_models_most() -> None:
    waiting = msgspec.structs.replace(RATES, operation=1e-5)
    small, large = bare(matrix(10**7, 10**7)), bare(matrix(10**9, 10**9))
    lost = [predict(model, PLAN, waiting).decode / predict(model, PLAN, RATES).decode for model in (small, large)]
    assert lost[0] < lost[1] < 1


def test_smaller_batches_read_prompts_more_slowly() -> None:
    plans = [msgspec.structs.replace(PLAN, micro_batch=size) for size in (64, 128, 512)]
    speeds = [predict(shape(1.0), plan, measured()).prefill for plan in plans]
    assert speeds == sorted(speeds)
    assert speeds[0] < speeds[-1]


def test_short_rows_cost_more_where_rows_cost_something() -> None:
    rates = msgspec.structs.replace(RATES, rows={"Q4_K": 1e-8})
    narrow, wide = bare(matrix(10**9, 10**9)), replace(bare(matrix(10**9, 10**9)), embedding=4096, feed_forward=16384)
    assert predict(narrow, PLAN, rates).decode < predict(wide, PLAN, rates).decode


def test_a_model_with_nothing_to_compute_is_fast_and_not_infinitely_so() -> None:
    speed = predict(bare(), PLAN, RATES)
    assert speed.decode == speed.prefill == pytest.approx(1e9)
    assert msgspec.json.decode(msgspec.json.encode(speed), type=type(speed)) == speed


def test_the_first_token_comes_after_the_prompt_and_one_step() -> None:
    assert predict(bare(matrix(10**9, 2 * 10**9)), PLAN, RATES).first_token(100) == pytest.approx(2.1)


@given(billions=st.floats(0.05, 30), more=st.floats(1.01, 3))
def test_larger_models_are_slower(billions: float, more: float) -> None:
    small, large = (predict(shape(size), PLAN, measured()) for size in (billions, billions * more))
    assert large.decode <= small.decode * 1.001  # widths are rounded
    assert large.prefill <= small.prefill * 1.05


@pytest.mark.parametrize(
    "change",
    [{"decode": {}}, {"decode": {"Q4_K": 0}}, {"prefill": {"Q4_K": -1.0}}, {"experts_decode": 0}, {"operation": -1e-6}],
)
def test_rates_that_would_give_absurd_speeds_are_not_read(change: dict[str, object]) -> None:
    document = msgspec.to_builtins(measured()) | change
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(document, Rates)
