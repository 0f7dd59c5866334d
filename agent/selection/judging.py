"""What there is to know about one offer on one execution provider, and what speaks against it."""

import math

from msgspec.structs import replace

from agent.memory import recommend_mapped
from agent.phrase import Phrase
from agent.plan import Plan
from agent.selection.fitting import cost, fit, given_up
from agent.selection.machine import Backend, Machine, Offer
from agent.selection.outcome import Considered
from agent.selection.policy import Policy
from agent.selection.scoring import score
from agent.selection.suitable import thinks, too_slow, unsuitable
from agent.speed import Prediction, predict
from agent.units import format_bytes

_MIB = 1 << 20
_DISK_RESERVE = 512 * _MIB  # that a download leaves free
_HERE = 1.0  # points: nobody downloads gigabytes for less
_ENOUGH = 128  # tokens of a micro-batch from which on prefill with ONNX Runtime gains nothing (docs/memory.md)
_NO_BACKEND = Phrase("reasons.no_backend", "no engine that is meant for this hardware runs files of its format")
_GENEROUS = {"quality": 0.6, "balanced": 1.0, "speed": 1.5}  # of the profile's least speed


def judge(offer: Offer, backend: Backend, machine: Machine, policy: Policy) -> Considered:
    """Return an offer as selection sees it: `possible`, or ruled out with a reason.

    Of what is installed, everything is computed even where it is unsuitable: the user may have chosen it all the same.
    """
    entry = _described(offer, backend.engine, backend.provider)
    reason = unsuitable(offer, machine.profile, policy)
    if reason and (offer.shape is None or not offer.installed):
        return replace(entry, verdict="unsuitable", reason=reason)
    entry = _planned(entry, offer, backend, machine, policy)
    predicted, floor = entry.predicted, _floor(machine, policy)
    assert predicted is not None  # noqa: S101 - it is planned
    entry = _scored(entry, offer, predicted.decode / floor if floor else math.inf, policy)
    if reason:
        return replace(entry, verdict="unsuitable", reason=reason)
    if reason := _no_room(entry, offer, backend, machine):
        return replace(entry, verdict="large", reason=reason)
    if reason := too_slow(offer.model, predicted, floor, machine.profile):
        return replace(entry, verdict="slow", reason=reason)
    return replace(entry, verdict="possible")


def out_of_reach(offer: Offer, machine: Machine, policy: Policy) -> Considered:
    """Return an offer that no backend of this machine can run, with the reason."""
    reason = unsuitable(offer, machine.profile, policy) or machine.missing.get(offer.engine, _NO_BACKEND)
    return replace(_described(offer, offer.engine, ""), verdict="unsuitable", reason=reason)


def wanted_plan(machine: Machine, policy: Policy) -> Plan:
    """Return how models are run here when memory is no concern."""
    defaults = machine.profile.defaults
    cache = policy.prompt_cache if policy.prompt_cache >= 0 else int(defaults.prompt_cache.value)
    return Plan(
        context=policy.context or int(defaults.context.value),
        parallel=policy.parallel or int(defaults.parallel.value),
        threads=policy.threads or machine.threads,
        micro_batch=policy.micro_batch or int(defaults.micro_batch.value),
        kv_type=defaults.kv_type,
        prompt_cache=cache * _MIB,
    )


def _described(offer: Offer, engine: str, provider: str) -> Considered:
    model, file = offer.model, offer.file
    return Considered(
        model=model.name,
        title=model.title,
        file=file.reference,
        installed=offer.installed,
        engine=engine,
        provider=provider,
        quantization=file.quantization,
        bytes=file.bytes,
        licence=model.licence,
        restrictions=model.restrictions,
        quality=model.quality.score,
        quality_source=model.quality.source,
        quality_estimated=model.quality.estimated,
    )


def _planned(entry: Considered, offer: Offer, backend: Backend, machine: Machine, policy: Policy) -> Considered:
    """Add how it would be run, what memory that takes and how fast it would be."""
    shape, base = offer.shape, wanted_plan(machine, policy)
    assert shape is not None  # noqa: S101 - else unsuitable
    if shape.format == "onnx" and not policy.micro_batch:
        base = replace(base, micro_batch=min(base.micro_batch, _ENOUGH))
    wanted = replace(
        base,
        context=min(base.context, shape.training_context or base.context),
        provider=backend.provider,
        mapped=recommend_mapped(shape, machine.features),
    )
    plan, memory = fit(shape, wanted, policy, backend.budget.usable, machine.features)
    predicted = predict(shape, plan, backend.rates)
    if seen := offer.observed.get(backend.provider):
        predicted = Prediction(seen.prefill or predicted.prefill, seen.decode or predicted.decode)
    lost = round(cost(wanted, plan), 1)
    return replace(
        entry,
        context_length=plan.context,
        parallel=plan.parallel,
        micro_batch=plan.micro_batch,
        kv_type=shape.kv_type or plan.kv_type,
        threads=plan.threads,
        prompt_cache=plan.prompt_cache,
        mapped=plan.mapped,
        shrunk=given_up(wanted, plan),
        memory=memory,
        predicted=predicted,
        measured=bool(seen and seen.decode),
        thinking=thinks(offer.model, predicted, policy),
        score_parts={"shrunk": -lost} if lost else {},
    )


def _scored(entry: Considered, offer: Offer, pace: float, policy: Policy) -> Considered:
    """Add the score; `pace` is how many times the least pleasant speed it reaches."""
    parts = score(offer.model, offer.file, pace, policy, thinking=entry.thinking) | entry.score_parts
    if offer.installed:
        parts["installed"] = _HERE
    return replace(entry, score=round(sum(parts.values()), 1), score_parts=parts)


def _floor(machine: Machine, policy: Policy) -> float:
    """Return the tokens per second below which a model is too slow."""
    return policy.least_decode or machine.profile.speed.least_decode.value * _GENEROUS[policy.prefer]


def _no_room(entry: Considered, offer: Offer, backend: Backend, machine: Machine) -> str:
    """Return what is missing of memory, disk or quota; empty if nothing is."""
    assert entry.memory is not None  # noqa: S101 - it is planned
    if entry.memory.total > backend.budget.usable:
        usable = format_bytes(backend.budget.usable)
        return Phrase("reasons.no_memory", "needs more memory than the {usable} that can be used", usable=usable)
    if offer.installed:
        return ""
    if machine.quota and entry.bytes > machine.quota:
        quota = format_bytes(machine.quota)
        return Phrase("reasons.no_quota", "needs more room than the {quota} that models may take", quota=quota)
    if machine.disk_free is None:
        return ""
    if entry.bytes - offer.arrived + _DISK_RESERVE > machine.disk_free:
        free = format_bytes(machine.disk_free)
        return Phrase("reasons.no_disk", "needs more room on the disk than the {free} that are free", free=free)
    return ""
