"""Rules that rule a model out, and speed."""

from typing import Any

import pytest

from agent.selection import Offer, Policy
from agent.selection.suitable import reply_seconds, thinks, too_slow, unsuitable
from agent.speed import Prediction
from tests.selection.making import CHAT, model, offer, profile

FAST = Prediction(prefill=1000.0, decode=100.0)


def reason(found: Offer, policy: Policy = CHAT) -> str:
    return unsuitable(found, profile(), policy)


def test_an_ordinary_model_is_suitable() -> None:
    assert reason(offer()) == ""


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (offer(model(unsupported="llama.cpp does not have its architecture.")), "does not have its architecture"),
        (offer(trouble="was tried here: it crashed"), "was tried here: it crashed"),
        (offer(model(use=["code"])), "is for code, not for chat"),
        (offer(model(use=["tools"])), "is for tools, not for chat"),
        (offer(model(use=[])), "is for further training, not for chat"),
        (offer(model(chat="none")), "base model"),
        (offer(model(licence="Gemma", restrictions="No weapons.")), "its licence (Gemma) has conditions; `licences ="),
        (offer(quantization="Q2_K"), "Q2_K is slow on this hardware"),
        (offer(quantization="Q3_K_M"), "Q3_K_M is not known to run well"),
        (offer(model(shape=None)), "its shape is not known"),
    ],
)  # fmt: skip
def test_says_why_a_model_is_out_of_the_question(found: Offer, words: str) -> None:
    assert words in reason(found)


def test_a_model_without_files_says_so() -> None:
    found = offer()
    without = Offer(found.model, type(found.file)("", "", 0), found.shape)
    assert "no file of it is published" in reason(without)


def test_the_user_may_accept_all_licences() -> None:
    found = offer(model(restrictions="No commercial use."))
    assert reason(found)
    assert reason(found, Policy(licences="any")) == ""


@pytest.mark.parametrize(
    "found", [offer(model(restrictions="No weapons."), installed="it"), offer(quantization="Q3_K_M", installed="it")]
)
def test_what_the_user_has_installed_is_not_held_against_its_licence_or_rarity(found: Offer) -> None:
    assert reason(found) == ""


@pytest.mark.parametrize("use", ["code", "math"])
def test_models_for_chat_write_code_and_do_sums_too(use: Any) -> None:  # noqa: ANN401 - a literal
    assert reason(offer(), Policy(use=use)) == ""
    assert reason(offer(model(use=[use])), Policy(use=use)) == ""


def test_a_coder_is_not_for_mathematics() -> None:
    assert reason(offer(model(use=["code"])), Policy(use="math")) == "is for code, not for math"


def test_a_context_beyond_the_training_is_not_quietly_shortened() -> None:
    found = offer(model(context=8192))
    assert reason(found, Policy(context=8192)) == ""
    assert reason(found, Policy(context=8193)) == "was trained for 8192 tokens of context; 8193 are wanted"


@pytest.mark.parametrize("prefer", ["quality", "balanced", "speed"])
def test_models_that_always_or_never_think_do_as_they_do(prefer: Any) -> None:  # noqa: ANN401 - a literal
    policy = Policy(prefer=prefer)
    assert thinks(model(thinking="always"), Prediction(1, 1), policy)
    assert not thinks(model(thinking="never"), FAST, policy)


@pytest.mark.parametrize("thinking", ["off", "on"])
def test_a_switchable_model_thinks_when_quality_is_wanted_and_the_wait_is_short(thinking: str) -> None:
    switchable = model(thinking=thinking)
    assert thinks(switchable, FAST, Policy(prefer="quality"))
    assert not thinks(switchable, FAST, CHAT)
    assert not thinks(switchable, Prediction(1000.0, 5.0), Policy(prefer="quality"))


@pytest.mark.parametrize(
    ("thinking", "predicted", "words"),
    [
        ("never", Prediction(1000, 4.96), "gives fewer than 5 tokens per second"),
        ("never", Prediction(5, 50), "takes more than 30 s for a prompt of 256 tokens"),
        ("always", Prediction(1000, 20), "always thinks first, for more than 30 s"),
        ("always", Prediction(1000, 30), ""),
        ("never", Prediction(1000, 5), ""),
    ],
)
def test_says_what_is_too_slow(thinking: str, predicted: Prediction, words: str) -> None:
    assert too_slow(model(thinking=thinking), predicted, 5.0, profile()) == words


def test_without_a_least_speed_nothing_is_too_slow_to_answer() -> None:
    assert too_slow(model(), Prediction(1000, 0.1), 0.0, profile()) == ""


def test_a_reply_takes_longer_with_thinking() -> None:
    assert reply_seconds(FAST, thinking=True) > reply_seconds(FAST, thinking=False) > 1
