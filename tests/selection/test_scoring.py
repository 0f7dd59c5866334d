"""What a model is worth."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.catalog import load_catalog
from agent.selection import Policy
from agent.selection.policy import Preference
from agent.selection.scoring import quantization_cost, score
from tests.selection.making import CHAT, model, offer

FILE = offer().file


def test_a_published_score_at_full_precision_and_the_least_speed_is_worth_itself() -> None:
    parts = score(model(quality=60), offer(quantization="Q8_0").file, 1.0, CHAT, thinking=False)
    assert parts == {"quality": 60, "speed": 0}


def test_a_guess_is_worth_less_than_a_published_score() -> None:
    assert score(model(estimated=True), FILE, 1.0, CHAT, thinking=False)["estimated"] < 0
    assert "estimated" not in score(model(), FILE, 1.0, CHAT, thinking=False)


@pytest.mark.parametrize(
    ("mode", "thinking", "less"), [("thinking", False, True), ("thinking", True, False), ("answer", False, False)]
)
def test_a_score_reached_by_thinking_is_worth_less_without(mode: str, thinking: bool, less: bool) -> None:  # noqa: FBT001 - a parameter
    assert ("without thinking" in score(model(mode=mode), FILE, 1.0, CHAT, thinking=thinking)) is less


def test_fewer_bits_cost_more_and_training_for_them_less() -> None:
    costs = [
        quantization_cost(offer(quantization=kind).file)
        for kind in ("Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q4_0", "Q2_K")
    ]
    assert costs == sorted(costs)
    assert costs[0] == 0
    assert 0 < quantization_cost(offer(quantization="Q4_0", trained=True).file) < costs[4]


def test_the_type_that_a_model_was_trained_in_costs_nothing() -> None:
    assert quantization_cost(offer(quantization="MXFP4").file) == 0


def test_an_unknown_quantization_costs_more_than_any_of_four_bits() -> None:
    assert quantization_cost(offer(quantization="IQ9_X").file) > quantization_cost(offer(quantization="Q4_0").file)


def test_every_quantization_of_four_bits_and_more_in_the_catalogue_has_a_cost_of_its_own() -> None:
    unknown = quantization_cost(offer(quantization="IQ9_X").file)
    found = {file.quantization for entry in load_catalog() for file in entry.files if not file.trained}
    assert {kind for kind in found if quantization_cost(offer(quantization=kind).file) == unknown} == {"2.70bpw"}


@pytest.mark.parametrize(("prefer", "points"), [("quality", 1), ("balanced", 3), ("speed", 6)])
def test_a_doubling_of_speed_is_worth_what_the_user_prefers(prefer: Preference, points: float) -> None:
    policy = Policy(prefer=prefer)
    assert score(model(), FILE, 2.0, policy, thinking=False)["speed"] == points
    assert score(model(), FILE, 0.5, policy, thinking=False)["speed"] == -points


@pytest.mark.parametrize("pace", [6.0, 1000.0, math.inf])
def test_speed_beyond_reading_is_worth_nothing_more(pace: float) -> None:
    assert score(model(), FILE, pace, CHAT, thinking=False)["speed"] == 7.5


@pytest.mark.parametrize("pace", [0.0, 1e-9])
def test_no_speed_at_all_is_as_bad_as_it_gets(pace: float) -> None:
    assert score(model(), FILE, pace, CHAT, thinking=False)["speed"] == -7.5


def test_a_specialist_is_worth_more_in_its_field_only() -> None:
    coder = model(use=["code"])
    assert score(coder, FILE, 1.0, Policy(use="code"), thinking=False)["code"] > 0
    assert "code" not in score(model(), FILE, 1.0, Policy(use="code"), thinking=False)
    assert "chat" not in score(model(), FILE, 1.0, CHAT, thinking=False)


@given(first=st.floats(0.01, 100), second=st.floats(0.01, 100))
def test_faster_is_never_worth_less(first: float, second: float) -> None:
    slow, fast = sorted((first, second))
    parts = [score(model(), FILE, pace, CHAT, thinking=False)["speed"] for pace in (slow, fast)]
    assert parts == sorted(parts)


@given(pace=st.floats(0, 1e6), quality=st.floats(0, 100))
def test_points_are_given_to_one_decimal_so_that_what_is_shown_adds_up(pace: float, quality: float) -> None:
    parts = score(model(quality=quality), FILE, pace, CHAT, thinking=False)
    assert all(points == round(points, 1) for points in parts.values())
