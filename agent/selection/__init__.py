"""Which model to run: a pure function from a machine, a catalogue and a policy to a choice with its reasons.

Of all files that fit into memory and are fast enough, the one with the highest score is chosen. Everything else is
rejected with a reason that a person can understand. Nothing here reads a file or asks the network.
"""

from collections.abc import Iterable

from msgspec.structs import asdict, replace

from agent.memory import recommend_mapped
from agent.plan import Plan
from agent.selection.explaining import notes, nothing_fits, why
from agent.selection.fitting import cost, fit, given_up
from agent.selection.machine import Backend, Machine, Offer
from agent.selection.outcome import Considered, Selection, Verdict
from agent.selection.policy import Policy
from agent.selection.scoring import score
from agent.selection.suitable import thinks, too_slow, unsuitable
from agent.speed import predict
from agent.units import format_bytes

__all__ = ["Backend", "Considered", "Machine", "Offer", "Policy", "Selection", "select", "wanted_plan"]

_MIB = 1 << 20
_ORDER: tuple[Verdict, ...] = ("chosen", "possible", "slow", "large", "unsuitable")
_DISK_RESERVE = 512 * _MIB  # that a download leaves free
_HERE = 1.0  # points: nobody downloads gigabytes for less
_GENEROUS = {"quality": 0.6, "balanced": 1.0, "speed": 1.5}  # of the profile's least speed


def select(offers: Iterable[Offer], machine: Machine, policy: Policy, *, keep: str = "") -> Selection:
    """Return the choice among the offers; its `model` is empty when nothing can be run.

    Args:
        offers: what there is to choose from.
        machine: what it is to run on.
        policy: what counts.
        keep: file that was chosen before in the same circumstances; it stays the choice while it fits and is fast
            enough, so that a little less free memory at one start does not fetch another model.
    """
    judged = [_judge(offer, backend, machine, policy) for offer in offers for backend in machine.backends]
    fast = [entry for entry in judged if entry.verdict == "possible"]
    slow = [entry for entry in judged if entry.verdict == "slow"]
    kept = [entry for entry in fast if entry.file == keep]
    chosen = max(kept or fast or slow, key=_rank, default=None)
    rejected = [_compared(entry, chosen) for entry in judged if entry is not chosen]
    rejected.sort(key=lambda entry: (_ORDER.index(entry.verdict), *(-part for part in _rank(entry))))
    if chosen:
        base = {**asdict(chosen), "verdict": "chosen", "reason": why(chosen, len(fast), machine)}
    else:
        base = {**asdict(_NOTHING), "reason": nothing_fits(machine)}
    return Selection(
        **base,
        profile=machine.profile.name,
        board=machine.board,
        budget=_backend(machine, chosen).budget,
        rates=_backend(machine, chosen).rates.source,
        notes=notes(chosen, machine, slow=not fast),
        rejected=rejected,
    )


def wanted_plan(machine: Machine, policy: Policy) -> Plan:
    """Return how models are run here when memory is no concern."""
    defaults = machine.profile.defaults
    cache = policy.prompt_cache if policy.prompt_cache >= 0 else int(defaults.prompt_cache.value)
    return Plan(
        context=policy.context or int(defaults.context.value),
        parallel=policy.parallel or int(defaults.parallel.value),
        threads=policy.threads or machine.threads,
        micro_batch=policy.micro_batch or int(defaults.micro_batch.value),
        kv_type="q8_0" if defaults.kv_type == "q8_0" else "f16",
        prompt_cache=cache * _MIB,
    )


_NOTHING = Considered(
    model="",
    title="",
    file="",
    installed="",
    engine="",
    provider="",
    quantization="",
    bytes=0,
    licence="",
    restrictions="",
    quality=0.0,
    quality_source="",
    quality_estimated=False,
)


def _judge(offer: Offer, backend: Backend, machine: Machine, policy: Policy) -> Considered:
    """Return what is known about an offer and what speaks against it."""
    entry = _described(offer, backend)
    if reason := unsuitable(offer, machine.profile, policy):
        return replace(entry, verdict="unsuitable", reason=reason)
    assert offer.shape is not None  # noqa: S101 - else unsuitable
    wanted = wanted_plan(machine, policy)
    trained = offer.shape.training_context
    wanted = replace(
        wanted,
        context=min(wanted.context, trained) if trained else wanted.context,
        provider=backend.provider,
        mapped=recommend_mapped(offer.shape, machine.features),
    )
    plan, memory = fit(offer.shape, wanted, policy, backend.budget.usable, machine.features)
    predicted = offer.observed or predict(offer.shape, plan, backend.rates)
    floor = policy.least_decode or machine.profile.speed.least_decode.value * _GENEROUS[policy.prefer]
    thinking = thinks(offer.model, predicted, policy)
    parts = score(offer.model, offer.file, predicted.decode / floor, policy.prefer, thinking=thinking)
    if lost := round(cost(wanted, plan), 2):
        parts["shrunk"] = -lost
    if offer.installed:
        parts["installed"] = _HERE
    entry = replace(
        entry,
        context_length=plan.context,
        parallel=plan.parallel,
        micro_batch=plan.micro_batch,
        kv_type=plan.kv_type,
        threads=plan.threads,
        prompt_cache=plan.prompt_cache,
        mapped=plan.mapped,
        shrunk=given_up(wanted, plan),
        memory=memory,
        predicted=predicted,
        measured=offer.observed is not None,
        thinking=thinking,
        score=round(sum(parts.values()), 2),
        score_parts=parts,
    )
    if reason := _no_room(entry, backend, machine):
        return replace(entry, verdict="large", reason=reason)
    if reason := too_slow(offer.model, predicted, floor, machine.profile):
        return replace(entry, verdict="slow", reason=reason)
    return replace(entry, verdict="possible")


def _described(offer: Offer, backend: Backend) -> Considered:
    model, file = offer.model, offer.file
    return Considered(
        model=model.name,
        title=model.title,
        file=file.reference,
        installed=offer.installed,
        engine=backend.engine,
        provider=backend.provider,
        quantization=file.quantization,
        bytes=file.bytes,
        licence=model.licence,
        restrictions=model.restrictions,
        quality=model.quality.score,
        quality_source=model.quality.source,
        quality_estimated=model.quality.estimated,
    )


def _no_room(entry: Considered, backend: Backend, machine: Machine) -> str:
    assert entry.memory is not None  # noqa: S101 - only asked when it is known
    if entry.memory.total > backend.budget.usable:
        return f"needs {format_bytes(entry.memory.total)} of memory; {format_bytes(backend.budget.usable)} can be used"
    if not entry.installed and entry.bytes + _DISK_RESERVE > machine.disk_free:
        return f"its file has {format_bytes(entry.bytes)}; the disk has {format_bytes(machine.disk_free)} free"
    return ""


def _rank(entry: Considered) -> tuple[float, float, float]:
    """Return what the best has most of: score, being here already, speed; of too large ones the least memory."""
    if entry.verdict == "large" and entry.memory:
        return -float(entry.memory.total), 0.0, 0.0
    return entry.score, float(bool(entry.installed)), entry.predicted.decode if entry.predicted else 0.0


def _compared(entry: Considered, chosen: Considered | None) -> Considered:
    """Give a reason to what no rule ruled out."""
    if chosen is None or entry.verdict != "possible":
        return entry
    by = f"{chosen.score - entry.score:.1f} more" if chosen.score > entry.score else "no more, but was chosen before"
    if entry.model == chosen.model:
        return replace(entry, reason=f"{chosen.quantization} of the same model scores {by}")
    return replace(entry, reason=f"{chosen.title} scores {by}")


def _backend(machine: Machine, chosen: Considered | None) -> Backend:
    """Return the backend of the choice, or the first."""
    for backend in machine.backends:
        if chosen and (backend.engine, backend.provider) == (chosen.engine, chosen.provider):
            return backend
    return machine.backends[0]
