"""Choosing between a model as GGUF and for ONNX Runtime: predicted first, then as a duel has decided."""

from dataclasses import replace

import msgspec
import pytest

from agent.catalog import File
from agent.selection import Considered, Contest, Machine, Offer, Selection, select
from agent.shape.published_onnx import onnx_shape_from
from tests.selection.making import CHAT, GIB, backend, machine, model, offer, profile

MODEL = model("a-model", 1.0, 50)


def onnx_offer(**fields: str) -> Offer:
    assert MODEL.shape is not None
    shape = onnx_shape_from(MODEL.shape, "genai")
    return Offer(MODEL, File("hf:acme/a-model-onnx", "int4", shape.weight_bytes), shape, **fields)  # type: ignore[arg-type]


GGUF = offer(MODEL, "Q4_0", installed="a-q4_0")  # what int4 costs in quality, Q4_0 costs too
ONNX = onnx_offer(installed="a-int4")
LOST = Contest("a-int4", "a-q4_0", "cpu", equal=False, reason="was slower")
EQUAL = Contest("a-q4_0", "a-int4", "cpu", equal=True, reason="was as fast")


def both(*, faster: str = "") -> Machine:
    """A machine with both engines; one may be predicted to be faster."""
    engines = [
        replace(backend(bandwidth=40e9 if name == faster else 20e9), engine=name) for name in ("llama_cpp", "onnx")
    ]
    quantization = msgspec.structs.replace(profile().quantization, prefer=["Q4_0", "Q8_0", "int4"])
    return machine(*engines, board=msgspec.structs.replace(profile(least=12.0), quantization=quantization))


def entry(selection: Selection, engine: str) -> Considered:
    return next(found for found in selection.considered if found.engine == engine)


def test_an_offer_runs_on_the_engine_of_its_format_only() -> None:
    selection = select([GGUF, ONNX], both(), CHAT)
    assert sorted((found.installed, found.engine) for found in selection.considered) == [
        ("a-int4", "onnx"),
        ("a-q4_0", "llama_cpp"),
    ]


def test_what_no_backend_can_run_is_listed_with_the_reason() -> None:
    alone = machine(backend(8 * GIB))
    (found,) = select([GGUF, ONNX], alone, CHAT).rejected
    assert (found.engine, found.verdict) == ("onnx", "unsuitable")
    assert found.reason == "no engine that is meant for this hardware runs files of its format"
    missing = replace(alone, missing={"onnx": "ONNX Runtime is not installed."})
    assert select([GGUF, ONNX], missing, CHAT).rejected[0].reason == "ONNX Runtime is not installed."


def test_a_predicted_tie_goes_to_the_engine_that_the_profile_names_first() -> None:
    fast = both()
    slow = msgspec.structs.replace(profile(least=0.1), quantization=fast.profile.quantization)
    selection = select([ONNX, GGUF], replace(fast, profile=slow), CHAT)
    assert selection.score == entry(selection, "onnx").score
    assert selection.engine == "llama_cpp"
    assert entry(selection, "onnx").reason == "the same model as GGUF scores as much"


def test_what_is_clearly_faster_is_chosen_and_the_other_is_told_to_be_the_same_model() -> None:
    selection = select([GGUF, ONNX], both(faster="onnx"), CHAT)
    assert selection.engine == "onnx"
    assert entry(selection, "llama_cpp").reason.startswith("the same model for ONNX Runtime scores ")


@pytest.mark.parametrize("faster", ["", "llama_cpp"])
def test_the_winner_of_a_duel_goes_first_whatever_is_predicted(faster: str) -> None:
    selection = select([GGUF, ONNX], both(faster=faster), CHAT, contests=[LOST])
    assert selection.engine == "onnx"
    assert selection.score == pytest.approx(sum(selection.score_parts.values()))
    assert selection.score_parts["duel"] > 0
    assert entry(selection, "llama_cpp").reason == "was slower"


def test_a_choice_does_not_stay_that_has_lost_a_duel_since() -> None:
    assert select([GGUF, ONNX], both(), CHAT, keep=GGUF.file.reference).engine == "llama_cpp"
    assert select([GGUF, ONNX], both(), CHAT, keep=GGUF.file.reference, contests=[LOST]).engine == "onnx"


def test_of_two_equal_ones_llama_cpp_stays_though_the_other_was_predicted_to_be_faster() -> None:
    selection = select([GGUF, ONNX], both(faster="onnx"), CHAT, contests=[EQUAL])
    assert selection.engine == "llama_cpp"
    assert entry(selection, "onnx").reason == "was as fast"


def test_of_two_equal_ones_the_better_quality_still_wins() -> None:
    worse = offer(MODEL, "Q2_K", installed="a-q4_0")
    quantization = msgspec.structs.replace(both().profile.quantization, prefer=["Q2_K", "int4"], avoid=[])
    board = msgspec.structs.replace(both().profile, quantization=quantization)
    assert select([worse, ONNX], replace(both(), profile=board), CHAT, contests=[EQUAL]).engine == "onnx"


def test_a_duel_between_different_models_decides_nothing() -> None:
    other = replace(GGUF, model=model("another", 1.0, 60))
    assert select([other, ONNX], both(), CHAT, contests=[LOST]).model == "another"


def test_a_model_that_does_not_fit_gains_nothing_by_a_duel() -> None:
    first, second = both().backends
    tight = replace(second, budget=msgspec.structs.replace(second.budget, usable=1))
    assert select([GGUF, ONNX], replace(both(), backends=(first, tight)), CHAT, contests=[LOST]).engine == "llama_cpp"
