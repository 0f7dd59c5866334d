"""The loop beside onnxruntime-genai, whose answers lie in the zoo: the same tokens and log probabilities."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent import engines
from agent.engines import LoadOptions, Sampled, Sampling, SequenceRequest
from agent.engines.onnx.logits import Logits
from agent.engines.onnx.session import open_session
from agent.engines.onnx.signature import signature_of
from agent.onnx import read_folder
from agent.plan import Plan
from agent.shape.onnx import shape_of
from tests.engines.driving import Loaded, advance, answer, running
from tests.onnx_files import with_kept_logits

STEPS = 12
# Of a log probability. Kernels that compute with int8 round otherwise when a batch is larger, seldom and by so much.
TOLERANCE = 0.15
WHOLE = ["llama-fp32", "llama-fp16", "llama-int8", "mha", "qwen3", "gemma3", "gemma3-windowed", "phi3"]
# One of each kind of cache: buffers, buffers of which a part may be overwritten, one that grows by single tokens.
CACHES = ["llama-fp32", "gemma3-windowed", "mha"]
SAMPLING = Sampling(temperature=0, top_logprobs=8)


@dataclass(frozen=True)
class Known:
    """A prompt, and for each step the likeliest tokens with their log probabilities."""

    prompt: list[int]
    steps: list[dict[int, float]]

    @property
    def request(self) -> SequenceRequest:
        """A request for this answer."""
        return SequenceRequest(self.prompt, SAMPLING)


@pytest.fixture
def zoo(onnx_zoo: Path, request: pytest.FixtureRequest) -> Path:
    """The folder of a model."""
    folder = onnx_zoo / request.param
    assert isinstance(folder, Path)
    return folder


def known(folder: Path, longest: int = 1000) -> list[Known]:
    """Return what genai answered, the shortest prompt first."""
    entries = json.loads((folder / "answers.json").read_text())
    found = [Known(entry["prompt"], [dict(step) for step in entry["steps"]]) for entry in entries]
    return [one for one in found if len(one.prompt) <= longest]


@contextmanager
def opened(
    folder: Path, *, context: int = 1024, parallel: int = 5, micro_batch: int = 64, prompt_cache: int = 0
) -> Iterator[Loaded]:
    """Load a model."""
    engine = engines.create("onnx")
    plan = Plan(context, parallel, threads=1, micro_batch=micro_batch, prompt_cache=prompt_cache)
    info = engine.load(LoadOptions(folder, plan, extra_buffers=True), lambda _fraction: None)
    yield Loaded(engine, info)
    engine.close()


def check(sampled: Sequence[Sampled], wanted: Known) -> None:
    """Compare; where two tokens are as likely either may follow, and what comes then is another text."""
    assert sampled
    for event, step in zip(sampled, wanted.steps, strict=False):
        assert dict(event.top) == pytest.approx(_lined_up(event, step), abs=TOLERANCE)
        best = max(step, key=step.__getitem__)
        if event.token != best:
            assert step[event.token] == pytest.approx(step[best], abs=TOLERANCE)
            return


def _lined_up(event: Sampled, step: dict[int, float]) -> dict[int, float]:
    """Return the alternatives of a step with those that only we have, which must be as unlikely as its last one."""
    last = min(step.values())
    return {token: step.get(token, min(last, logprob)) for token, logprob in event.top}


def together(loaded: Loaded, wanted: Sequence[Known]) -> None:
    """Answer all at once, and compare."""
    with running(loaded.engine, *[one.request for one in wanted]) as slots:
        for answered, one in zip(advance(loaded.engine, slots, STEPS), wanted, strict=True):
            check(answered.sampled, one)


@pytest.mark.parametrize("zoo", WHOLE, indirect=True)
def test_prompts_of_all_lengths_are_answered_together_as_genai_answers_each_alone(zoo: Path) -> None:
    with opened(zoo) as loaded:
        together(loaded, known(zoo))


@pytest.mark.slow
def test_a_model_in_the_layout_of_transformers_js_answers_as_the_same_one_does_in_that_of_genai(onnx_zoo: Path) -> None:
    folder = onnx_zoo / "transformers-js"
    with opened(folder) as loaded:
        together(loaded, known(folder))


@pytest.mark.slow
@pytest.mark.parametrize("micro_batch", [1, 7, 1024])
@pytest.mark.parametrize("zoo", WHOLE, indirect=True)
def test_the_pieces_in_which_a_prompt_is_read_do_not_matter(zoo: Path, micro_batch: int) -> None:
    with opened(zoo, micro_batch=micro_batch) as loaded:
        for one in known(zoo):
            check(answer(loaded.engine, one.request, STEPS).sampled, one)


@pytest.mark.parametrize("zoo", CACHES, indirect=True)
def test_a_prompt_goes_on_where_another_one_begins_to_differ(zoo: Path) -> None:
    one = known(zoo)[-2]
    with opened(zoo, parallel=1) as loaded:
        answer(loaded.engine, SequenceRequest([*one.prompt[:-9], 5, 6, 7, 8], SAMPLING), STEPS)
        second = answer(loaded.engine, one.request, STEPS)
        assert second.prefilled[0].cached == len(one.prompt) - 9
        check(second.sampled, one)


@pytest.mark.parametrize("zoo", CACHES, indirect=True)
def test_the_beginning_is_copied_from_a_slot_that_is_still_writing(zoo: Path) -> None:
    one = known(zoo)[-2]
    with opened(zoo, parallel=2) as loaded, running(loaded.engine, one.request) as first:
        begun = advance(loaded.engine, first, 3)[0]
        with running(loaded.engine, one.request) as second:
            rest, copied = advance(loaded.engine, [*first, *second], STEPS - 3)
    assert copied.prefilled[0].cached == len(one.prompt) - 2
    check(copied.sampled, one)
    check([*begun.sampled, *rest.sampled], one)


@pytest.mark.parametrize("zoo", CACHES, indirect=True)
def test_a_conversation_comes_back_from_the_archive(zoo: Path) -> None:
    *_, one, other = known(zoo)
    with opened(zoo, parallel=1, prompt_cache=1 << 24) as loaded:
        answer(loaded.engine, one.request, STEPS)
        check(answer(loaded.engine, other.request, STEPS).sampled, other)
        back = answer(loaded.engine, one.request, STEPS)
        assert back.prefilled[0].cached == len(one.prompt) - 2
        check(back.sampled, one)
        loaded.engine.keep_conversations(keep=False)  # what has no slot is forgotten then
        assert answer(loaded.engine, other.request, 1).prefilled[0].cached < len(other.prompt) - 2


@pytest.mark.parametrize("zoo", CACHES, indirect=True)
def test_who_moves_to_another_stream_goes_on_as_before(zoo: Path) -> None:
    middle, *_, first, last = known(zoo)
    with opened(zoo, parallel=3) as loaded, running(loaded.engine, first.request), ExitStack() as stack:
        with running(loaded.engine, middle.request):
            moved = stack.enter_context(running(loaded.engine, last.request))
            begun = advance(loaded.engine, moved, 3)[0]
        rest = advance(loaded.engine, moved, STEPS - 3)[0]  # into the stream that is free now
        again = answer(loaded.engine, middle.request, STEPS)  # what had been in that stream
    check([*begun.sampled, *rest.sampled], last)
    assert again.prefilled[0].cached == len(middle.prompt) - 2
    check(again.sampled, middle)


def test_short_rotary_factors_serve_a_context_for_which_they_are_made(onnx_zoo: Path) -> None:
    folder = onnx_zoo / "phi3-long"
    with opened(folder, context=512) as loaded:
        together(loaded, known(folder, longest=200))


@pytest.fixture(scope="module")
def keeping(onnx_zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is told for how many of the last tokens logits are wanted."""
    folder = tmp_path_factory.mktemp("keeping") / "llama"
    shutil.copytree(onnx_zoo / "llama-fp32", folder)
    graph = folder / "model.onnx"
    graph.write_bytes(with_kept_logits(graph.read_bytes(), vocabulary=1024))
    return folder


def test_a_graph_is_told_that_only_the_last_logits_are_wanted(keeping: Path) -> None:
    assert read_folder(keeping).names.kept_logits == "num_logits_to_keep"
    with opened(keeping) as loaded:
        together(loaded, known(keeping))


def test_a_graph_that_keeps_the_last_logits_takes_no_room_for_others(keeping: Path, onnx_zoo: Path) -> None:
    parallel, micro_batch = 2, 512
    plan = Plan(1024, parallel, threads=1, micro_batch=micro_batch)
    rows = {
        name: Logits(open_session(folder / "model.onnx", 1), signature_of(read_folder(folder)), plan).rows
        for name, folder in (("keeping", keeping), ("plain", onnx_zoo / "llama-fp32"))
    }
    assert rows == {"keeping": parallel, "plain": micro_batch}
    assert not shape_of(read_folder(keeping)).all_logits
    assert shape_of(read_folder(onnx_zoo / "llama-fp32")).all_logits


@pytest.mark.parametrize("micro_batch", [64, 1024])
def test_in_a_longer_context_long_rotary_factors_serve_from_the_first_token_on(
    onnx_zoo: Path, micro_batch: int
) -> None:
    folder = onnx_zoo / "phi3-long"
    *short, long = known(folder)
    with opened(folder, context=1024, micro_batch=micro_batch) as loaded:
        alone = [answer(loaded.engine, one.request, STEPS).tokens for one in short]
        requests = [one.request for one in (*short, long)]
        with running(loaded.engine, *requests) as slots:
            answers = advance(loaded.engine, slots, STEPS)
    check(answers[-1].sampled, long)
    assert [answered.tokens for answered in answers[:-1]] == alone


@pytest.mark.parametrize("context", [1, 2, 15, 31, 33])
@pytest.mark.parametrize("zoo", ["llama-fp32", "gemma3-windowed", "mha", "phi3-long"], indirect=True)
def test_a_context_of_few_tokens_can_be_filled(zoo: Path, context: int) -> None:
    prompt = (known(zoo)[2].prompt * 2)[:context]
    with opened(zoo, context=context, micro_batch=1, parallel=1) as loaded:
        answered = answer(loaded.engine, SequenceRequest(prompt, SAMPLING), 1)
    assert loaded.info.context == context
    assert answered.prefilled[-1].processed == context
    assert len(answered.sampled) == 1
