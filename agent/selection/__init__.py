"""Which model to run: a pure function from a machine, a catalogue and a policy to a choice with its reasons.

Of all files that fit into memory and are fast enough, the one with the highest score is chosen. Everything else is
rejected with a reason that a person can understand. Nothing here reads a file or asks the network.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import asdict, replace

from agent.selection.contests import Contest, lost, settle
from agent.selection.explaining import notes, nothing_fits, outdone, why
from agent.selection.judging import judge, out_of_reach, wanted_plan
from agent.selection.machine import Backend, Machine, Offer
from agent.selection.outcome import Budget, Considered, Selection, Verdict
from agent.selection.policy import Policy
from agent.selection.suitable import reply_seconds

__all__ = ["Backend", "Considered", "Contest", "Machine", "Offer", "Policy", "Selection", "select", "wanted_plan"]

_ORDER: tuple[Verdict, ...] = ("chosen", "possible", "slow", "large", "unsuitable")
_BEARABLE = 2.0  # times as long as the quickest takes, where all are too slow

_MUCH_BETTER = 5.0  # points, for which a choice that was made before is given up


def select(
    offers: Iterable[Offer], machine: Machine, policy: Policy, *, keep: str = "", contests: Sequence[Contest] = ()
) -> Selection:
    """Return the choice among the offers; its `model` is empty when nothing can be run.

    Args:
        offers: what there is to choose from.
        machine: what it is to run on.
        policy: what counts.
        keep: file that was chosen before in the same circumstances; it stays the choice while it fits and is fast
            enough and nothing is much better, so that a little less free memory at one start does not fetch
            another model.
        contests: duels that were run on this device.
    """
    engines = list(dict.fromkeys(backend.engine for backend in machine.backends))
    settled = settle(_judged(offers, machine, policy), contests)
    beaten = lost(settled, contests)
    judged = sorted(settled, key=lambda entry: _place(entry, engines))
    fast = [entry for entry in judged if entry.verdict == "possible"]
    rivals = fast or _bearable([entry for entry in judged if entry.verdict == "slow"])
    best = max((entry.score for entry in rivals), default=0.0)
    kept = [
        entry
        for entry in rivals
        if keep and entry.file == keep and best - entry.score < _MUCH_BETTER and _key(entry) not in beaten
    ]
    chosen = next(iter(kept or rivals), None)
    if chosen:
        base = {**asdict(chosen), "verdict": "chosen", "reason": why(chosen, fast)}
    else:
        base = {**asdict(_NOTHING), "reason": nothing_fits(judged, machine)}
    backend = _backend(machine, chosen)
    return Selection(
        **base,
        profile=machine.profile.name,
        board=machine.board,
        budget=backend.budget if backend else Budget(0, 0, 0),
        rates=backend.rates.source if backend else "",
        notes=notes(chosen, machine),
        rejected=[_with_reason(entry, chosen, beaten) for entry in judged if entry is not chosen],
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


def _judged(offers: Iterable[Offer], machine: Machine, policy: Policy) -> Iterator[Considered]:
    """Judge each offer on each backend that takes it."""
    for offer in offers:
        backends = [backend for backend in machine.backends if offer.runs_on(backend)]
        yield from (judge(offer, backend, machine, policy) for backend in backends)
        if machine.backends and not backends:
            yield out_of_reach(offer, machine, policy)


def _place(entry: Considered, engines: Sequence[str]) -> tuple[float | str, ...]:
    """Return what sorts the best to the front, whatever the order of the offers.

    By verdict; of too large ones the least memory; the score, being here already, the engine that the profile names
    first, speed, and at last the name.
    """
    memory = entry.memory.total if entry.memory and entry.verdict == "large" else 0
    speed = entry.predicted.decode if entry.predicted else 0.0
    return (
        _ORDER.index(entry.verdict), memory, -entry.score, not entry.installed,
        engines.index(entry.engine) if entry.engine in engines else len(engines),
        -speed, entry.bytes, entry.model, entry.file, entry.provider,
    )  # fmt: skip


def _bearable(slow: Sequence[Considered]) -> list[Considered]:
    """Return of those that are too slow the ones that are not much slower than the quickest."""
    seconds = [reply_seconds(entry.predicted, thinking=entry.thinking) for entry in slow if entry.predicted]
    longest = _BEARABLE * min(seconds, default=0.0)
    return [entry for entry, wait in zip(slow, seconds, strict=True) if wait <= longest]


def _key(entry: Considered) -> tuple[str, str]:
    return entry.installed, entry.provider


def _with_reason(entry: Considered, chosen: Considered | None, beaten: Mapping[tuple[str, str], Contest]) -> Considered:
    """Give a reason to what no rule ruled out."""
    if chosen is None or entry.verdict != "possible":
        return entry
    contest = beaten.get(_key(entry))
    if contest and contest.winner == chosen.installed:
        return replace(entry, reason=contest.reason)
    return replace(entry, reason=outdone(entry, chosen))


def _backend(machine: Machine, chosen: Considered | None) -> Backend | None:
    """Return the backend of the choice, or the first."""
    for backend in machine.backends:
        if chosen is None or (backend.engine, backend.provider) == (chosen.engine, chosen.provider):
            return backend
    return None
