"""The choice in sentences."""

from collections.abc import Sequence

from agent.selection.machine import Machine
from agent.selection.outcome import Considered
from agent.units import format_bytes


def why(chosen: Considered, fast: Sequence[Considered]) -> str:
    """Return why this one was chosen; `fast` are all that fit and are fast enough, the best first."""
    files = {entry.file for entry in fast}
    if not fast:
        return "Nothing that fits is fast enough here; of what is least slow this has the best score."
    if chosen is not fast[0]:
        return f"It was chosen before, and a choice stays while it does well; {fast[0].title} would score more now."
    if len(files) == 1:
        return "It is the only one that fits and is fast enough."
    return f"Of {len(files)} files that fit and are fast enough it has the best score, {_sum(chosen)}."


def outdone(entry: Considered, chosen: Considered) -> str:
    """Return why something that would run well was not chosen."""
    lead = chosen.score - entry.score
    if lead < 0:
        return f"scores {-lead:.1f} more, but {chosen.title} was chosen before and still does well"
    if entry.model != chosen.model:
        better = chosen.title
    elif entry.file != chosen.file:
        better = f"{chosen.quantization} of the same model"
    else:
        better = f"the same file on {chosen.provider}"
    return f"{better} scores {f'{lead:.1f} more' if lead else 'as much'}"


def nothing_fits(judged: Sequence[Considered], machine: Machine) -> str:
    """Return why nothing was chosen; `judged` is what there was to choose from, the best first."""
    if not machine.backends:
        return "No engine that the firmware profile names can be used here."
    if not judged:
        return "There is no model to choose from."
    nearest = judged[0]
    if nearest.verdict == "unsuitable":
        return "Every model is out of the question; `edgewise select --explain` says why."
    memory = format_bytes(nearest.memory.total) if nearest.memory else "nothing"
    return f"No model fits. The smallest, {nearest.title} {nearest.quantization} with {memory}, {nearest.reason}."


def notes(chosen: Considered | None, machine: Machine) -> list[str]:
    """Return what a person should know beside the choice itself."""
    found = [*machine.notes, *([machine.profile.note] if machine.profile.note else [])]
    if not machine.profile.tested:
        found.append(f"The profile {machine.profile.name} rests on published figures; nobody has tested it yet.")
    if chosen and chosen.verdict == "slow":
        found.append(f"It will be slower than is pleasant: it {chosen.reason}.")
    if chosen and chosen.shrunk:
        found.append(f"So that it fits, it runs with {', '.join(chosen.shrunk)}.")
    return found


def best_of_each(entries: Sequence[Considered]) -> list[Considered]:
    """Return the first entry of each model; entries are sorted by how good they are."""
    first: dict[str, Considered] = {}
    for entry in entries:
        first.setdefault(entry.model, entry)
    return list(first.values())


def _sum(chosen: Considered) -> str:
    """Return such as `58.3 = 60.0 quality - 2.0 Q4_K_M + 0.3 speed`."""
    (first, points), *others = chosen.score_parts.items()
    rest = "".join(f" {'-' if part < 0 else '+'} {abs(part):.1f} {reason}" for reason, part in others)
    return f"{chosen.score:.1f} = {points:.1f} {first}{rest}"
