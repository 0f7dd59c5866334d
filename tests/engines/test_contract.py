"""What every engine promises (`agent.engines.Engine`), checked on each of them."""

import tracemalloc

import pytest

from agent import engines
from agent.engines import Prefilled, Sampled, Sampling, SequenceRequest
from agent.errors import ConfigError, RequestError
from tests.engines.driving import GREEDY, Loaded, advance, answer, running

# Prompts with one obvious continuation: its tokens do not depend on how sums are rounded.
SERIES = ["1, 2, 3, 4, 5, 6, 7,", "1 + 1 = 2, 1 + 2 = 3, 1 + 3 =", "a, b, c, d, e, f, g,", "ha ha ha ha ha ha ha"]
MIXED = "Grüße, 世界 🙂!"


def test_lists_the_engines_without_importing_them() -> None:
    assert {"echo", "genai", "llama_cpp", "onnx"} <= set(engines.names())


def test_an_unknown_engine_is_a_mistake_in_the_configuration() -> None:
    with pytest.raises(ConfigError, match="nonsense") as caught:
        engines.create("nonsense")
    assert "echo" in caught.value.hint


def test_says_what_it_has_loaded(loaded: Loaded) -> None:
    assert loaded.info.parallel == loaded.engine.free == 4
    assert loaded.info.context > 1
    assert loaded.info.vocabulary > 256
    assert loaded.info.architecture
    assert loaded.info.build


def test_each_sequence_takes_a_slot_until_it_is_released(loaded: Loaded) -> None:
    requests = [loaded.request(text) for text in SERIES]
    with running(loaded.engine, *requests) as slots:
        assert len(set(slots)) == len(SERIES)
        assert loaded.engine.free == 0
    assert loaded.engine.free == 4


def test_a_step_with_nothing_to_do_brings_nothing(loaded: Loaded) -> None:
    assert loaded.engine.step() == []


def test_the_whole_prompt_is_reported_before_the_first_token(loaded: Loaded) -> None:
    prompt = loaded.tokens("The whole prompt comes first. " * 60)
    with running(loaded.engine, SequenceRequest(prompt[: loaded.info.context - 2], GREEDY)) as slots:
        progress: list[Prefilled] = []
        sampled: list[Sampled] = []
        while not sampled:
            for event in loaded.engine.step():
                (progress if isinstance(event, Prefilled) else sampled).append(event)  # type: ignore[arg-type]
    total = min(len(prompt), loaded.info.context - 2)
    done = [event.processed for event in progress]
    assert len(done) > 1
    assert done == sorted(set(done))
    assert done[-1] == total
    assert {(event.slot, event.total) for event in progress} == {(slots[0], total)}
    assert all(event.cached < event.processed for event in progress)


def test_a_prompt_of_one_token_gets_an_answer(loaded: Loaded) -> None:
    result = answer(loaded.engine, SequenceRequest(loaded.tokens("a")[:1], GREEDY), 1)
    assert [event.processed for event in result.prefilled] == [1]
    assert len(result.sampled) == 1


def test_a_prompt_as_long_as_the_context_still_gets_a_token(loaded: Loaded) -> None:
    context = loaded.info.context
    prompt = (loaded.tokens("one two three four ") * context)[:context]
    result = answer(loaded.engine, SequenceRequest(prompt, GREEDY), 1)
    assert result.prefilled[-1].processed == context
    assert len(result.sampled) == 1


def test_everyone_gets_a_token_in_each_step(loaded: Loaded) -> None:
    with running(loaded.engine, *[loaded.request(text) for text in SERIES]) as slots:
        advance(loaded.engine, slots, 1)
        for _ in range(3):
            events = loaded.engine.step()
            assert sorted(event.slot for event in events) == sorted(slots)
            assert all(isinstance(event, Sampled) for event in events)


def test_sequences_answer_together_as_they_do_alone(loaded: Loaded) -> None:
    requests = [loaded.request(text) for text in SERIES]
    alone = [answer(loaded.engine, request, 6).tokens for request in requests]
    with running(loaded.engine, *requests) as slots:
        together = [result.tokens for result in advance(loaded.engine, slots, 6)]
    assert together == alone


def test_a_newcomer_does_not_disturb_who_is_answering(loaded: Loaded) -> None:
    first, second = loaded.request(SERIES[0]), loaded.request(SERIES[1])
    alone = answer(loaded.engine, first, 8).tokens
    with running(loaded.engine, first) as slots:
        tokens = advance(loaded.engine, slots, 4)[0].tokens
        with running(loaded.engine, second):
            tokens += advance(loaded.engine, slots, 2)[0].tokens
        tokens += advance(loaded.engine, slots, 2)[0].tokens
    assert tokens == alone


def test_release_in_the_middle_of_the_prompt_frees_the_slot(loaded: Loaded) -> None:
    prompt = (loaded.tokens("Released before it was read to the end. ") * 100)[: loaded.info.context - 2]
    with running(loaded.engine, SequenceRequest(prompt, GREEDY)):
        events = loaded.engine.step()
        assert all(isinstance(event, Prefilled) and event.processed < event.total for event in events)
    assert loaded.engine.free == 4
    assert loaded.engine.step() == []
    assert answer(loaded.engine, loaded.request(SERIES[0]), 3).tokens


def test_nothing_ends_by_itself(loaded: Loaded) -> None:
    end = loaded.tokens(loaded.info.eos)[0]
    with running(loaded.engine, loaded.request("hi", Sampling(temperature=0, logit_bias={end: 100.0}))) as slots:
        last = advance(loaded.engine, slots, 50)[0].sampled[-1]
        assert last.end
        assert last.piece == b""
        assert [event.slot for event in loaded.engine.step()] == slots
    assert loaded.engine.free == 4


def test_the_pieces_of_a_text_are_its_bytes(loaded: Loaded) -> None:
    tokens = loaded.engine.tokenize(MIXED, special=False, begin=False)
    assert b"".join(loaded.engine.piece(token) for token in tokens) == MIXED.encode()


def test_the_pieces_of_a_vocabulary_do_not_stay_in_memory(loaded: Loaded) -> None:
    tokens = range(min(loaded.info.vocabulary, 10_000))
    loaded.engine.piece(0)
    tracemalloc.start()
    assert sum(len(loaded.engine.piece(token)) for token in tokens) > len(tokens) // 2
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 64 << 10


def test_sampled_pieces_are_those_of_their_tokens(loaded: Loaded) -> None:
    result = answer(loaded.engine, loaded.request("The colours of the rainbow are"), 8)
    assert [event.piece for event in result.sampled] == [loaded.engine.piece(token) for token in result.tokens]
    assert result.data.decode().isprintable()


def test_control_tokens_are_recognised_only_where_they_are_wanted(loaded: Loaded) -> None:
    mark = loaded.info.eos
    special = loaded.engine.tokenize(mark, special=True, begin=False)
    plain = loaded.engine.tokenize(mark, special=False, begin=False)
    assert len(special) == 1
    assert loaded.engine.piece(special[0]) == b""
    assert b"".join(loaded.engine.piece(token) for token in plain) == mark.encode()


def test_lists_the_texts_that_become_control_tokens(loaded: Loaded) -> None:
    controls = loaded.engine.controls()
    assert loaded.info.eos in controls
    for text in controls:
        tokens = loaded.engine.tokenize(text, special=True, begin=False)
        assert b"".join(loaded.engine.piece(token) for token in tokens) == b""
    assert not {"user", "a", " "} & set(controls)


def test_no_text_is_no_token(loaded: Loaded) -> None:
    assert loaded.engine.tokenize("", special=True, begin=False) == []


@pytest.mark.parametrize("beyond", [-1, 0, 2**31 - 1])
def test_refuses_tokens_that_are_not_in_the_vocabulary(loaded: Loaded, beyond: int) -> None:
    token = loaded.info.vocabulary if beyond == 0 else beyond
    with pytest.raises(RequestError, match=str(token)):
        loaded.engine.piece(token)


def test_log_probabilities_come_only_when_asked_for(loaded: Loaded) -> None:
    plain = answer(loaded.engine, loaded.request("Once"), 1).sampled[0]
    assert (plain.logprob, plain.top) == (None, ())
    asked = answer(loaded.engine, loaded.request("Once", Sampling(temperature=0, top_logprobs=3)), 1).sampled[0]
    assert asked.logprob is not None
    assert asked.logprob <= 0
    assert len(asked.top) == 3
    alone = answer(loaded.engine, loaded.request("Once", Sampling(temperature=0, top_logprobs=0)), 1).sampled[0]
    assert alone.logprob is not None
    assert alone.top == ()


def test_fewer_threads_and_no_archive_change_no_answer(loaded: Loaded) -> None:
    request = loaded.request(SERIES[0])
    usual = answer(loaded.engine, request, 4).data
    assert loaded.engine.use_threads(1) == 1
    loaded.engine.keep_conversations(keep=False)
    assert answer(loaded.engine, request, 4).data == usual
    loaded.engine.keep_conversations(keep=True)
    assert answer(loaded.engine, request, 4).data == usual
