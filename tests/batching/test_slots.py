"""The planner of the llama.cpp engine: who gets which slot, and who computes what in the next step."""

from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from agent.batching.slots import Slot, choose, common_prefix, donor, gap, plan

TOKENS = st.lists(st.integers(0, 3), max_size=12)
BUDGETS = st.integers(2, 600)


@st.composite
def slots(draw: st.DrawFn) -> list[Slot]:
    """Slots in any mixture of idle, decoding and prefilling; each with an order of its own."""
    count = draw(st.integers(1, 8))
    orders = draw(st.permutations(range(count)))
    pending = draw(st.lists(st.sampled_from([0, 1]) | st.integers(2, 1000), min_size=count, max_size=count))
    return [
        Slot(index, pending=[7] * size, busy=size > 0, order=order)
        for index, (size, order) in enumerate(zip(pending, orders, strict=True))
    ]


def prompts(planned: list[tuple[Slot, int]]) -> list[tuple[Slot, int]]:
    return [(slot, count) for slot, count in planned if slot.prefilling]


def process(planned: list[tuple[Slot, int]]) -> None:
    """Take the planned tokens away, as a step does; who is through goes on to decode."""
    for slot, count in planned:
        del slot.pending[:count]
        slot.pending = slot.pending or [7]


@given(slots(), BUDGETS)
def test_everyone_who_decodes_advances_in_each_step(state: list[Slot], budget: int) -> None:
    shares = {slot.index: count for slot, count in plan(state, budget)}
    assert all(shares[slot.index] == 1 for slot in state if slot.decoding)


@given(slots(), BUDGETS)
def test_only_what_is_pending_is_planned_once_and_in_order(state: list[Slot], budget: int) -> None:
    planned = plan(state, budget)
    assert [slot.index for slot, _ in planned] == sorted({slot.index for slot, _ in planned})
    assert all(1 <= count <= len(slot.pending) and slot.busy for slot, count in planned)


@given(slots(), BUDGETS)
def test_prompts_use_the_budget_and_no_more(state: list[Slot], budget: int) -> None:
    waiting = sum(len(slot.pending) for slot in state if slot.prefilling)
    assert sum(count for _, count in prompts(plan(state, budget))) == min(waiting, budget)


@given(slots())
def test_the_least_budget_still_advances_one_prompt(state: list[Slot]) -> None:
    planned = prompts(plan(state, 1))
    assert [count for _, count in planned] == [1] * any(slot.prefilling for slot in state)


@given(slots(), BUDGETS)
def test_the_oldest_prompt_gets_at_least_half(state: list[Slot], budget: int) -> None:
    assume(any(slot.prefilling for slot in state))
    oldest = min((slot for slot in state if slot.prefilling), key=lambda slot: slot.order)
    shares = {slot.index: count for slot, count in plan(state, budget)}
    assert shares[oldest.index] >= min(len(oldest.pending), budget // 2)


@given(slots(), BUDGETS)
def test_a_longer_prompt_gets_the_rest_only_when_the_shorter_ones_are_served(state: list[Slot], budget: int) -> None:
    shares = {slot.index: count for slot, count in plan(state, budget)}
    waiting = [slot for slot in state if slot.prefilling]
    oldest = min(waiting, key=lambda slot: slot.order, default=None)
    unserved = [len(slot.pending) for slot in waiting if shares.get(slot.index, 0) < len(slot.pending)]
    for slot in waiting:
        if slot is not oldest and shares.get(slot.index):
            assert all(len(slot.pending) <= size for size in unserved)


def test_a_short_question_overtakes_a_long_document() -> None:
    document = Slot(0, pending=[7] * 5000, busy=True, order=1)
    question = Slot(1, pending=[7] * 40, busy=True, order=2)
    assert plan([document, question], 128) == [(document, 88), (question, 40)]


@given(slots(), BUDGETS)
def test_every_prompt_is_through_after_a_bounded_number_of_steps(state: list[Slot], budget: int) -> None:
    bound = sum(-(-len(slot.pending) // (budget // 2)) for slot in state if slot.prefilling)
    for _ in range(bound):
        process(plan(state, budget))
    assert not any(slot.prefilling for slot in state)


@given(slots(), st.integers(16, 600))
def test_the_last_tokens_of_a_prompt_are_computed_together(state: list[Slot], budget: int) -> None:
    for _ in range(10_000):
        planned = plan(state, budget, last=2)
        assert 1 not in [len(slot.pending) - count for slot, count in prompts(planned)]
        process(planned)
        if not any(slot.prefilling for slot in state):
            return
    raise AssertionError("some prompt is never through")


@given(st.integers(2, 2000), BUDGETS, st.data())
def test_no_stream_of_short_newcomers_starves_a_long_prompt(length: int, budget: int, data: st.DataObject) -> None:
    old = Slot(0, pending=[7] * length, busy=True, order=0)
    others = [Slot(index) for index in range(1, 4)]
    for step in range(-(-length // (budget // 2))):
        for slot in others:
            slot.pending, slot.busy = [7] * data.draw(st.integers(2, 50)), True
            slot.order = step * 4 + slot.index
        process(plan([old, *others], budget))
    assert old.decoding


@given(TOKENS, TOKENS)
def test_the_common_prefix_is_what_a_naive_count_says(left: list[int], right: list[int]) -> None:
    naive = 0
    while naive < min(len(left), len(right)) and left[naive] == right[naive]:
        naive += 1
    assert common_prefix(left, right) == common_prefix(right, left) == naive


@given(st.lists(st.tuples(TOKENS, st.booleans()), min_size=1, max_size=6), TOKENS)
def test_the_chosen_slot_is_free(states: list[tuple[list[int], bool]], prompt: list[int]) -> None:
    assume(not all(busy for _, busy in states))
    state = [Slot(index, cells, busy=busy, order=index) for index, (cells, busy) in enumerate(states)]
    chosen = choose(state, prompt)
    assert not chosen.busy
    assert chosen in state


def test_the_same_conversation_gets_its_slot_back() -> None:
    state = [Slot(0), Slot(1, [1, 2, 3], order=9), Slot(2, [1, 2, 3, 4, 5], order=1), Slot(3, [9, 9], order=2)]
    assert choose(state, [1, 2, 3, 4, 5, 6, 7]).index == 2


def test_of_two_slots_with_the_same_beginning_the_later_used_wins() -> None:
    assert choose([Slot(0, [1, 2], order=5), Slot(1, [1, 2], order=6)], [1, 2, 3]).index == 1


def test_another_conversation_with_the_same_greeting_is_left_alone() -> None:
    state = [Slot(0, [1, 2, 3, 4, 5, 6], order=1), Slot(1)]
    assert choose(state, [1, 2, 9, 9]).index == 1


def test_an_empty_slot_is_taken_before_any_that_holds_something() -> None:
    state = [Slot(0, [5], order=1), Slot(1, order=9), Slot(2, [6], order=2)]
    assert choose(state, [1]).index == 1


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.randoms())
def test_closing_gaps_ends_with_neighbours_and_moves_no_more_than_needed(busy: list[bool], random: Random) -> None:
    streams = list(range(len(busy)))
    random.shuffle(streams)
    state = [Slot(index, busy=b, stream=stream) for index, (b, stream) in enumerate(zip(busy, streams, strict=True))]
    moves = 0
    while (apart := gap(state)) is not None:
        mover, idle = apart
        assert mover.busy
        assert not idle.busy
        mover.stream, idle.stream = idle.stream, mover.stream
        moves += 1
    taken = sorted(slot.stream for slot in state if slot.busy)
    assert taken == list(range(taken[0], taken[0] + len(taken))) if taken else moves == 0
    assert moves <= sum(busy) // 2 + 1
    assert sorted(slot.stream for slot in state) == list(range(len(state)))


def test_without_an_empty_slot_the_one_unused_for_longest_is_taken() -> None:
    state = [Slot(0, [5], order=7), Slot(1, [6], order=3), Slot(2, [7], order=1, busy=True)]
    assert choose(state, [1]).index == 1


def test_the_donor_is_who_has_most_of_the_prompt_busy_or_not() -> None:
    prompt = list(range(100))
    target = Slot(0, prompt[:10])
    short, long = Slot(1, prompt[:50]), Slot(2, prompt[:90], busy=True)
    assert donor([target, short, long], target, prompt, 64) is long
    assert donor([target, short], target, prompt, 40) is short
    assert donor([target, short], target, prompt, 41) is None
    assert donor([target], target, prompt, 1) is None
