"""Speed that was observed in real use comes before what is predicted."""

from dataclasses import replace

from agent.selection import Offer, Selection, select
from agent.speed import Prediction
from tests.selection.making import CHAT, GIB, backend, machine, model, offer, rejected

SMALL, MIDDLE, LARGE = offer(model("small", 0.5, 20)), offer(model("middle", 3.0, 55)), offer(model("large", 30.0, 80))


def chosen(*found: Offer) -> Selection:
    return select(found, machine(), CHAT)


def test_speed_in_use_replaces_the_prediction_of_its_own_provider() -> None:
    used = replace(LARGE, observed={"cuda": Prediction(500.0, 50.0)}, installed="large")
    both = machine(backend(64 * GIB, provider="cuda"), backend(64 * GIB, provider="cpu"))
    selection = select([SMALL, used], both, CHAT)
    assert (selection.model, selection.provider, selection.measured) == ("large", "cuda", True)
    assert selection.predicted == Prediction(500.0, 50.0)
    assert not rejected(selection, "large").measured


def test_a_speed_of_answers_alone_corrects_the_prediction_of_answers() -> None:
    used = replace(MIDDLE, observed={"cpu": Prediction(0.0, 7.5)}, installed="middle")
    selection = chosen(used)
    assert selection.predicted is not None
    assert selection.predicted.decode == 7.5
    assert selection.predicted.prefill == chosen(MIDDLE).predicted.prefill  # type: ignore[union-attr]
    assert selection.measured


def test_a_speed_of_prompts_alone_is_no_measured_answer() -> None:
    assert not chosen(replace(MIDDLE, observed={"cpu": Prediction(30.0, 0.0)}, installed="middle")).measured


def test_a_model_that_turned_out_slow_makes_way() -> None:
    used = replace(MIDDLE, observed={"cpu": Prediction(30.0, 1.0)}, installed="middle")
    assert chosen(SMALL, used).model == "small"
