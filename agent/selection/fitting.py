"""Making a model fit: give up what is missed least, in this order, and no more than is needed.

Micro-batch (a little prefill speed), prompt cache (a conversation that comes back is read again), the precision of
keys and values (hardly measurable at 8 bits), requests at the same time, and last the context length. What the user
asked for in so many words is not given up.
"""

import math
from bisect import bisect_left
from collections.abc import Collection, Iterator

from msgspec.structs import replace

from agent.memory import MemoryEstimate, estimate
from agent.phrase import Phrase
from agent.plan import Plan
from agent.selection.policy import Policy
from agent.shape import Shape

LEAST_CONTEXT = 1024  # tokens; a question and its answer
_LEAST_MICRO_BATCH = 64  # below it matrix kernels lose much of their throughput (research: half at 16)
_MIB = 1 << 20


def fit(
    shape: Shape, wanted: Plan, policy: Policy, budget: int, features: Collection[str]
) -> tuple[Plan, MemoryEstimate]:
    """Return the least shrunk plan whose memory is within the budget, or the most shrunk one if none is."""
    plans = list(_plans(shape, wanted, policy))
    estimates: dict[int, MemoryEstimate] = {}

    def need(index: int) -> int:
        estimates[index] = estimate(shape, plans[index], features)
        return -estimates[index].total

    index = 0 if -need(0) <= budget else bisect_left(range(len(plans)), -budget, lo=1, key=need)
    index = min(index, len(plans) - 1)
    return plans[index], estimates.get(index) or estimate(shape, plans[index], features)


def given_up(wanted: Plan, plan: Plan) -> list[str]:
    """Return in words what a plan has less than was wanted."""
    words: list[str] = []
    if plan.micro_batch != wanted.micro_batch:
        now, before = plan.micro_batch, wanted.micro_batch
        words.append(Phrase("reasons.less_batch", "micro-batch {now} instead of {before}", now=now, before=before))
    if plan.prompt_cache != wanted.prompt_cache:
        now, before = plan.prompt_cache, wanted.prompt_cache
        words.append(
            Phrase(
                "reasons.less_cache",
                "prompt cache {now} MiB instead of {before}",
                now=now // _MIB,
                before=before // _MIB,
            )
        )
    if plan.kv_type != wanted.kv_type:
        words.append(Phrase("reasons.small_kv", "{type} KV cache", type=plan.kv_type))
    if plan.parallel != wanted.parallel:
        now, before = plan.parallel, wanted.parallel
        words.append(Phrase("reasons.less_parallel", "{now} at a time instead of {before}", now=now, before=before))
    if plan.context != wanted.context:
        now, before = plan.context, wanted.context
        words.append(Phrase("reasons.less_context", "context {now} instead of {before}", now=now, before=before))
    return words


def cost(wanted: Plan, plan: Plan) -> float:
    """Return how many points on the scale of quality are lost by what a plan has less than was wanted; a judgement."""
    caches = (wanted.prompt_cache > plan.prompt_cache) + (wanted.prompt_cache > 0 == plan.prompt_cache)
    return (
        0.2 * math.log2(wanted.micro_batch / plan.micro_batch)
        + 0.5 * caches
        + 0.5 * (plan.kv_type != wanted.kv_type)
        + 1.5 * math.log2(wanted.parallel / plan.parallel)
        + 3.0 * math.log2(wanted.context / plan.context)
    )


def _plans(shape: Shape, plan: Plan, policy: Policy) -> Iterator[Plan]:
    """Yield plans that take less and less memory, beginning with the one that is wanted."""
    yield plan
    while not policy.micro_batch and plan.micro_batch > _LEAST_MICRO_BATCH:
        plan = replace(plan, micro_batch=max(_LEAST_MICRO_BATCH, plan.micro_batch // 2))
        yield plan
    for megabytes in (64, 0):
        if policy.prompt_cache < 0 and plan.prompt_cache > megabytes * _MIB:
            plan = replace(plan, prompt_cache=megabytes * _MIB)
            yield plan
    if plan.kv_type == "f16" and not shape.kv_type:
        plan = replace(plan, kv_type="q8_0")
        yield plan
    while not policy.parallel and plan.parallel > 1:
        plan = replace(plan, parallel=plan.parallel // 2)
        yield plan
    while not policy.context and plan.context > LEAST_CONTEXT:
        plan = replace(plan, context=max(LEAST_CONTEXT, plan.context // 2))
        yield plan
