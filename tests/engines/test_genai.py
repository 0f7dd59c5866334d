"""The engine genai: models with other states than keys and values, providers, refusals; test_contract has the rest."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from agent import engines
from agent.engines import LoadOptions, SequenceRequest
from agent.errors import ModelFileError
from agent.onnx import read_folder
from agent.plan import Plan
from tests.engines.driving import GREEDY, Loaded, advance, answer, running

PLAN = Plan(256, 2, threads=1, micro_batch=128)
TEXT = "A model with short convolutions keeps a state that cannot be cut back."


def loaded(engine: str, path: Path, plan: Plan = PLAN) -> Loaded:
    made = engines.create(engine)
    return Loaded(made, made.load(LoadOptions(path, plan, extra_buffers=True), lambda _fraction: None))


@pytest.fixture(scope="module")
def hybrid(onnx_zoo: Path) -> Iterator[Loaded]:
    """A tiny LFM2: convolutions and attention."""
    model = loaded("genai", onnx_zoo / "lfm2")
    yield model
    model.engine.close()


def test_the_loop_refuses_what_it_does_not_understand_and_names_the_engine_that_does(onnx_zoo: Path) -> None:
    with pytest.raises(ModelFileError, match="conv") as caught:
        loaded("onnx", onnx_zoo / "lfm2")
    assert "genai" in caught.value.hint


def test_the_loop_refuses_other_providers_than_the_processor(twin: Path) -> None:
    with pytest.raises(ModelFileError, match="not on cuda"):
        loaded("onnx", twin, msgspec.structs.replace(PLAN, provider="cuda"))


def test_the_next_turn_of_a_hybrid_model_needs_only_its_new_tokens(hybrid: Loaded) -> None:
    prompt = hybrid.tokens(TEXT)
    first = answer(hybrid.engine, SequenceRequest(prompt, GREEDY), 5)
    longer = [*prompt, *first.tokens, *hybrid.tokens(" And another turn.")]
    second = answer(hybrid.engine, SequenceRequest(longer, GREEDY), 5)
    assert second.prefilled[0].cached == len(prompt) + 4  # the last token was never computed
    answer(hybrid.engine, hybrid.request("Something else."), 1)
    answer(hybrid.engine, hybrid.request("Yet something else."), 1)
    fresh = answer(hybrid.engine, SequenceRequest(longer, GREEDY), 5)
    assert fresh.prefilled[0].cached == 0
    assert fresh.tokens == second.tokens


def test_a_hybrid_model_computes_a_changed_question_anew(hybrid: Loaded) -> None:
    begin = hybrid.tokens(TEXT)
    answer(hybrid.engine, SequenceRequest([*begin, *hybrid.tokens(" One end.")], GREEDY), 3)
    other = SequenceRequest([*begin, *hybrid.tokens(" Another end, quite different.")], GREEDY)
    changed = answer(hybrid.engine, other, 5)
    assert changed.prefilled[0].cached == 0
    answer(hybrid.engine, hybrid.request("Something else."), 1)
    answer(hybrid.engine, hybrid.request("Yet something else."), 1)
    assert answer(hybrid.engine, other, 5).tokens == changed.tokens


def test_hybrid_sequences_answer_together_as_they_do_alone(hybrid: Loaded) -> None:
    requests = [hybrid.request(TEXT), hybrid.request("1, 2, 3, 4,")]
    alone = [answer(hybrid.engine, request, 8).tokens for request in requests]
    with running(hybrid.engine, *requests) as slots:
        assert [one.tokens for one in advance(hybrid.engine, slots, 8)] == alone


def test_a_changed_question_needs_only_what_has_changed_where_states_can_be_cut(genai: Loaded) -> None:
    begin = genai.tokens(TEXT)
    answer(genai.engine, SequenceRequest([*begin, *genai.tokens(" One end.")], GREEDY), 3)
    changed = answer(genai.engine, SequenceRequest([*begin, *genai.tokens(" Another end.")], GREEDY), 3)
    assert changed.prefilled[0].cached >= len(begin)


@pytest.mark.parametrize("provider", ["cuda", "openvino", "qnn", "nonsense"])
def test_a_provider_that_cannot_be_opened_is_an_error_and_never_the_processor(twin: Path, provider: str) -> None:
    with pytest.raises(ModelFileError, match=f"cannot be opened on {provider}"):
        loaded("genai", twin, msgspec.structs.replace(PLAN, provider=provider))


def test_a_library_without_providers_is_an_error(twin: Path, tmp_path: Path) -> None:
    library = tmp_path / "plugin.so"
    library.write_text("no library")
    options = LoadOptions(twin, PLAN, extra_buffers=True, libraries=(library,))
    with pytest.raises(ModelFileError, match="plugin"):
        engines.create("genai").load(options, lambda _fraction: None)


def test_what_is_compiled_for_an_accelerator_runs_nowhere_else(twin: Path) -> None:
    from agent.engines.genai.generators import Generators  # noqa: PLC0415 - only where the library is

    folder = replace(read_folder(twin), compiled=True, providers=("qnn",))
    with pytest.raises(ModelFileError, match="compiled for qnn, not for cpu"):
        Generators(folder, LoadOptions(twin, PLAN, extra_buffers=True), 256)


def test_without_the_library_the_error_says_what_to_install(onnx_zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "agent.engines.genai.generators", raising=False)
    monkeypatch.setitem(sys.modules, "onnxruntime_genai", None)
    with pytest.raises(ModelFileError, match=r"onnxruntime-genai.*conv") as caught:
        loaded("genai", onnx_zoo / "lfm2")
    assert "edgewise[genai]" in caught.value.hint
