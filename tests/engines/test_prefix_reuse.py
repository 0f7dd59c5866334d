"""Prompts that begin like earlier ones: what is kept in the KV cache of llama.cpp must never change an answer."""

from pathlib import Path

import pytest

from agent.engines import LoadOptions, Prefilled, Sampled, SequenceRequest, create
from agent.plan import Plan
from tests.engines.driving import GREEDY, Answer, Loaded, advance, answer, running

STORY = "Numbers are fun. Here is how a child counts: " + ", ".join(str(n) for n in range(1, 25)) + ","
CLIMB = STORY.removesuffix(" 23, 24,") + " 24, 26, 28, 30,"  # parts from STORY near its end
SUMS = "Numbers are fun. Here is how a child counts: 1, 2, 3. 1 + 1 = 2, 1 + 2 = 3, 1 + 3 ="


def forget(llama_cpp: Loaded) -> None:
    """Overwrite what is left of earlier prompts in all slots."""
    junk = [llama_cpp.request(text) for text in ("zebra", "yacht", "xenon", "walrus")]
    with running(llama_cpp.engine, *junk) as slots:
        advance(llama_cpp.engine, slots, 1)


def fresh(llama_cpp: Loaded, request: SequenceRequest, count: int) -> Answer:
    """Run a prompt of which nothing is in the cache."""
    forget(llama_cpp)
    result = answer(llama_cpp.engine, request, count)
    assert result.prefilled[0].cached == 0
    return result


@pytest.fixture(scope="module")
def alone(llama_cpp: Loaded) -> list[int]:
    """How STORY goes on."""
    return fresh(llama_cpp, llama_cpp.request(STORY), 6).tokens


def test_the_next_turn_computes_only_what_is_new(llama_cpp: Loaded) -> None:
    first = fresh(llama_cpp, llama_cpp.request(STORY), 4)
    prompt = [*llama_cpp.tokens(STORY), *first.tokens, *llama_cpp.tokens(" 28, 29,")]
    second = answer(llama_cpp.engine, SequenceRequest(prompt, GREEDY), 4)
    in_cache = len(llama_cpp.tokens(STORY)) + len(first.tokens) - 1  # the last token was sampled, not processed
    assert second.prefilled[0].cached == in_cache
    assert second.prefilled[-1].processed == len(prompt)
    assert second.tokens == fresh(llama_cpp, SequenceRequest(prompt, GREEDY), 4).tokens


def test_the_same_prompt_again_computes_its_last_token_only(llama_cpp: Loaded, alone: list[int]) -> None:
    request = llama_cpp.request(STORY)
    answer(llama_cpp.engine, request, 1)
    again = answer(llama_cpp.engine, request, 6)
    assert [event.cached for event in again.prefilled] == [len(request.tokens) - 1]
    assert again.tokens == alone


def test_a_prompt_that_parts_midway_keeps_the_common_part(llama_cpp: Loaded) -> None:
    alone = fresh(llama_cpp, llama_cpp.request(CLIMB), 4)
    fresh(llama_cpp, llama_cpp.request(STORY), 4)
    after = answer(llama_cpp.engine, llama_cpp.request(CLIMB), 4)
    assert 0 < after.prefilled[0].cached < len(llama_cpp.tokens(CLIMB)) - 1
    assert after.tokens == alone.tokens


def test_a_shorter_prompt_is_not_confused_by_what_followed_it_before(llama_cpp: Loaded) -> None:
    short = llama_cpp.request(STORY.removesuffix(" 23, 24,"))
    alone = fresh(llama_cpp, short, 4)
    fresh(llama_cpp, llama_cpp.request(STORY), 4)
    again = answer(llama_cpp.engine, short, 4)
    assert again.prefilled[0].cached == len(short.tokens) - 1
    assert again.tokens == alone.tokens


def test_a_prefix_is_copied_from_a_slot_that_is_answering(llama_cpp: Loaded, alone: list[int]) -> None:
    story, climb = llama_cpp.request(STORY), llama_cpp.request(CLIMB)
    climb_alone = fresh(llama_cpp, climb, 4)
    forget(llama_cpp)
    with running(llama_cpp.engine, story) as slots:
        before = advance(llama_cpp.engine, slots, 2)[0].tokens
        with running(llama_cpp.engine, climb) as others:
            during, copied = advance(llama_cpp.engine, [*slots, *others], 4)
    assert copied.prefilled[0].cached >= 64
    assert copied.tokens == climb_alone.tokens
    assert before + during.tokens == alone  # the one that was copied from goes on undisturbed


def test_a_short_common_prefix_is_not_worth_a_copy(llama_cpp: Loaded) -> None:
    alone = fresh(llama_cpp, llama_cpp.request(SUMS), 4)
    forget(llama_cpp)
    with running(llama_cpp.engine, llama_cpp.request(STORY)) as slots:
        advance(llama_cpp.engine, slots, 1)
        sums = answer(llama_cpp.engine, llama_cpp.request(SUMS), 4)
    assert sums.prefilled[0].cached < 64
    assert sums.tokens == alone.tokens


def test_a_prompt_released_halfway_is_taken_up_where_it_was_left(llama_cpp: Loaded) -> None:
    request = llama_cpp.request(", ".join(str(n) for n in range(1, 41)) + ",")  # longer than a micro-batch
    alone = fresh(llama_cpp, request, 4)
    forget(llama_cpp)
    with running(llama_cpp.engine, request):
        (event,) = llama_cpp.engine.step()
    assert isinstance(event, Prefilled)
    again = answer(llama_cpp.engine, request, 4)
    assert 0 < again.prefilled[0].cached == event.processed
    assert again.tokens == alone.tokens


def test_a_prompt_released_before_its_first_step_leaves_nothing_wrong_behind(
    llama_cpp: Loaded, alone: list[int]
) -> None:
    request = llama_cpp.request(STORY)
    forget(llama_cpp)
    with running(llama_cpp.engine, request):
        pass
    again = answer(llama_cpp.engine, request, 6)
    assert again.prefilled[0].cached == 0
    assert again.tokens == alone


def test_closing_a_gap_changes_no_answer(llama_cpp: Loaded) -> None:
    """When a sequence in the middle ends, another one moves into its stream, and the ended one's cells move out."""
    texts = [STORY, SUMS, CLIMB]
    alone = [fresh(llama_cpp, llama_cpp.request(text), 8).tokens for text in texts]
    forget(llama_cpp)
    first, middle, last = (llama_cpp.engine.start(llama_cpp.request(text)) for text in texts)
    said: dict[int, list[int]] = {first: [], middle: [], last: []}
    released = False
    while min(map(len, (said[first], said[last]))) < 8:
        for event in llama_cpp.engine.step():
            if isinstance(event, Sampled):
                said[event.slot].append(event.token)
        if not released and len(said[middle]) >= 2:
            llama_cpp.engine.release(middle)
            released = True
    llama_cpp.engine.release(first)
    llama_cpp.engine.release(last)
    assert said[first][:8] == alone[0]
    assert said[last][:8] == alone[2]
    again = answer(llama_cpp.engine, llama_cpp.request(SUMS), 8)
    assert again.prefilled[0].cached == len(llama_cpp.tokens(SUMS)) - 1
    assert again.tokens == alone[1]


def test_a_conversation_that_lost_its_slot_goes_on_where_it_was(starter: Path, llama_cpp: Loaded) -> None:
    engine = create("llama_cpp")
    options = LoadOptions(starter, Plan(256, 1, threads=1, micro_batch=128, prompt_cache=16 << 20), extra_buffers=True)
    small = Loaded(engine, engine.load(options, lambda _: None))
    story = answer(engine, small.request(STORY), 2)
    other = answer(engine, small.request("Once upon a time there was a robot. " * 12), 1)
    assert other.prefilled[0].cached == 0
    prompt = [*small.tokens(STORY), *story.tokens[:1], *small.tokens(" 28, 29,")]
    again = answer(engine, SequenceRequest(prompt, GREEDY), 4)
    assert again.prefilled[0].cached == len(small.tokens(STORY)) + 1
    engine.keep_conversations(keep=False)  # what has no slot is forgotten then
    assert answer(engine, small.request("Once upon a time there was a robot. " * 12), 1).prefilled[0].cached == 0
    engine.close()
    assert again.tokens == fresh(llama_cpp, SequenceRequest(prompt, GREEDY), 4).tokens
