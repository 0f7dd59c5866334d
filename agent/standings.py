"""What the duels that were run on this device say about the models that are here now."""

from collections.abc import Iterable, Mapping

from agent.duels import Duel
from agent.phrase import Phrase
from agent.selection.contests import Contest

_PREFERRED = "llama_cpp"  # of two that are equally fast: the engine that has been measured on more devices


def contests(duels: Iterable[Duel], here: Mapping[str, str], threads: int) -> list[Contest]:
    """Return the duels that still hold.

    Args:
        duels: all that were run.
        here: names of installed models by file and build of the engine, as `known_by` puts them.
        threads: compute threads; a duel with another number says nothing.
    """
    found = []
    for duel in duels:
        first, second = (here.get(known_by(side.model, side.build)) for side in (duel.first, duel.second))
        if first and second and duel.threads == threads and duel.first.provider == duel.second.provider:
            found.append(_contest(duel, first, second))
    return found


def known_by(model: str, build: str) -> str:
    """Return what a file and the build that runs it are known by."""
    return f"{model} · {build}"


def _contest(duel: Duel, first: str, second: str) -> Contest:
    wins = duel.first.engine == _PREFERRED if duel.equal else duel.winner is duel.first
    winner, loser = (first, second) if wins else (second, first)
    return Contest(winner, loser, duel.first.provider, duel.equal, _reason(duel))


def _reason(duel: Duel) -> str:
    day = duel.taken.partition("T")[0]
    if duel.equal:
        return Phrase("reasons.duel_equal", "was as fast here in a duel on {day}; llama.cpp stays", day=day)
    percent = slower(duel)
    return Phrase("reasons.duel_lost", "was {percent} % slower here in a duel on {day}", percent=percent, day=day)


def slower(duel: Duel) -> int:
    """Return by how many percent the speed of the slower one is below that of the other."""
    return round(100 * (1 - min(duel.ratio, 1 / duel.ratio)))
