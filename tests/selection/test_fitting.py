"""Making a model fit: what is given up, in which order, and what never is."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.memory import estimate
from agent.plan import Plan
from agent.selection import Policy, wanted_plan
from agent.selection.fitting import LEAST_CONTEXT, cost, fit, given_up
from tests.selection.making import CHAT, MIB, budgets, machine, policies, shape

FEATURES = ("asimd", "asimddp")
SHAPE = shape(1.0)
WANTED = wanted_plan(machine(), CHAT)
# Every step, in the order of docs/selection.md.
ORDER = ["micro_batch", "micro_batch", "micro_batch", "prompt_cache", "prompt_cache", "kv_type", "parallel", "parallel"]


def need(plan: Plan) -> int:
    return estimate(SHAPE, plan, FEATURES).total


def all_plans() -> list[Plan]:
    """Every plan that is tried, found by lowering the budget to just below the last one."""
    found = [WANTED]
    while (plan := fit(SHAPE, WANTED, CHAT, need(found[-1]) - 1, FEATURES)[0]) != found[-1]:
        found.append(plan)
    return found


def test_with_enough_memory_nothing_is_given_up() -> None:
    plan, memory = fit(SHAPE, WANTED, CHAT, need(WANTED), FEATURES)
    assert plan == WANTED
    assert memory.total == need(WANTED)


def test_things_are_given_up_one_after_the_other_in_the_documented_order() -> None:
    plans = all_plans()
    changed = [
        next(name for name in plan.__struct_fields__ if getattr(plan, name) != getattr(before, name))
        for before, plan in itertools.pairwise(plans)
    ]
    assert changed == [*ORDER, *["context"] * (len(changed) - len(ORDER))]
    assert plans[-1].context == LEAST_CONTEXT
    assert [plan.micro_batch for plan in plans[:4]] == [512, 256, 128, 64]


@given(budget=budgets)
def test_the_least_shrunk_plan_that_fits_is_taken(budget: int) -> None:
    plan, memory = fit(SHAPE, WANTED, CHAT, budget, FEATURES)
    plans = all_plans()
    fitting = [tried for tried in plans if need(tried) <= budget]
    assert plan == (fitting[0] if fitting else plans[-1])
    assert memory == estimate(SHAPE, plan, FEATURES)


@given(budget=budgets, policy=policies)
def test_what_the_user_asked_for_is_never_shrunk(budget: int, policy: Policy) -> None:
    wanted = wanted_plan(machine(), policy)
    plan, _ = fit(SHAPE, wanted, policy, budget, FEATURES)
    asked = {
        "context": policy.context > 0,
        "parallel": policy.parallel > 0,
        "micro_batch": policy.micro_batch > 0,
        "prompt_cache": policy.prompt_cache >= 0,
    }
    assert all(getattr(plan, name) == getattr(wanted, name) for name, given in asked.items() if given)


@given(first=budgets, second=budgets)
def test_more_memory_never_costs_more(first: int, second: int) -> None:
    little, much = sorted((first, second))
    assert cost(WANTED, fit(SHAPE, WANTED, CHAT, much, FEATURES)[0]) <= cost(
        WANTED, fit(SHAPE, WANTED, CHAT, little, FEATURES)[0]
    )


@given(budget=budgets, billions=st.sampled_from([0.1, 1.0, 7.0]))
def test_what_is_given_up_is_told_and_costs_points(budget: int, billions: float) -> None:
    plan, _ = fit(shape(billions), WANTED, CHAT, budget, FEATURES)
    assert bool(given_up(WANTED, plan)) is (plan != WANTED)
    assert (cost(WANTED, plan) > 0) is (plan != WANTED)


def test_what_is_given_up_is_said_in_words() -> None:
    plan = all_plans()[-1]
    assert given_up(WANTED, plan) == [
        "micro-batch 64 instead of 512",
        "prompt cache 0 MiB instead of 256",
        "q8_0 KV cache",
        "1 at a time instead of 4",
        "context 1024 instead of 4096",
    ]


def test_a_context_that_is_short_already_is_left_alone() -> None:
    policy = Policy(context=512)
    assert fit(SHAPE, wanted_plan(machine(), policy), policy, 0, FEATURES)[0].context == 512


@pytest.mark.parametrize("budget", [0, -1])
def test_without_any_memory_the_smallest_plan_is_returned(budget: int) -> None:
    plan, memory = fit(SHAPE, WANTED, CHAT, budget, FEATURES)
    assert (plan.micro_batch, plan.parallel, plan.context) == (64, 1, LEAST_CONTEXT)
    assert memory.total > 100 * MIB
