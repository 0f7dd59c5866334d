"""What a duel decides: of two files of one model the faster one goes before the other, whatever is predicted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from agent.selection.outcome import Considered

_AHEAD = 0.1  # points
_SETTLED = {"possible", "slow"}


@dataclass(frozen=True, slots=True)
class Contest:
    """The result of a duel on this device, between installed models.

    Attributes:
        winner: name under which the faster one is installed; of two that are equal, the one that is preferred.
        loser: that of the other.
        provider: execution provider of both.
        equal: whether no difference was found; then the quality of the two still counts.
        reason: why the loser was not chosen, in words.
    """

    winner: str
    loser: str
    provider: str
    equal: bool
    reason: str


def settle(entries: Iterable[Considered], contests: Sequence[Contest]) -> list[Considered]:
    """Return the entries, with each winner lifted above the loser of the same model."""
    found = list(entries)
    for contest in contests:
        winner, loser = (_index(found, name, contest.provider) for name in (contest.winner, contest.loser))
        if winner is None or loser is None or not _comparable(found[winner], found[loser], contest):
            continue
        lift = round(found[loser].score + _AHEAD - found[winner].score, 1)
        if lift > 0:
            parts = found[winner].score_parts | {"duel": lift}
            found[winner] = replace(found[winner], score=round(found[winner].score + lift, 1), score_parts=parts)
    return found


def lost(entries: Sequence[Considered], contests: Sequence[Contest]) -> Mapping[tuple[str, str], Contest]:
    """Return by name and provider what has lost against something that is here and would run."""
    beaten: dict[tuple[str, str], Contest] = {}
    for contest in contests:
        winner, loser = (_index(entries, name, contest.provider) for name in (contest.winner, contest.loser))
        if winner is not None and loser is not None and _comparable(entries[winner], entries[loser], contest):
            beaten[contest.loser, contest.provider] = contest
    return beaten


def _comparable(winner: Considered, loser: Considered, contest: Contest) -> bool:
    if winner.model != loser.model or winner.verdict not in _SETTLED or winner.verdict != loser.verdict:
        return False
    return not contest.equal or _quality(winner) >= _quality(loser)


def _quality(entry: Considered) -> float:
    """Return the score without what its speed is worth."""
    return round(entry.score - entry.score_parts.get("speed", 0.0) - entry.score_parts.get("duel", 0.0), 1)


def _index(entries: Sequence[Considered], name: str, provider: str) -> int | None:
    for index, entry in enumerate(entries):
        if (entry.installed, entry.provider) == (name, provider):
            return index
    return None
