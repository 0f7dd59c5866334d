"""The choice in sentences."""

from collections.abc import Sequence
from functools import reduce

from agent.phrase import Phrase
from agent.selection.machine import Machine
from agent.selection.outcome import Considered
from agent.units import format_bytes

_PARTS = {
    "quality": Phrase("reasons.part_quality", "quality"),
    "estimated": Phrase("reasons.part_estimated", "estimated"),
    "without thinking": Phrase("reasons.part_without_thinking", "without thinking"),
    "code": Phrase("reasons.use_code", "code"),
    "math": Phrase("reasons.use_math", "math"),
    "speed": Phrase("reasons.part_speed", "speed"),
    "shrunk": Phrase("reasons.part_shrunk", "shrunk"),
    "installed": Phrase("reasons.part_installed", "installed"),
    "duel": Phrase("reasons.part_duel", "duel"),
}

_FORMATS = {
    "llama_cpp": Phrase("reasons.same_as_gguf", "the same model as GGUF"),
    "onnx": Phrase("reasons.same_as_onnx", "the same model for ONNX Runtime"),
}


def why(chosen: Considered, fast: Sequence[Considered]) -> str:
    """Return why this one was chosen; `fast` are all that fit and are fast enough, the best first."""
    files = {entry.file for entry in fast}
    if not fast:
        return Phrase(
            "reasons.least_slow",
            "Nothing that fits is fast enough here; of what is least slow this has the best score.",
        )
    if chosen is not fast[0]:
        return Phrase(
            "reasons.stays",
            "It was chosen before, and a choice stays while it does well; {title} would score more now.",
            title=fast[0].title,
        )
    if len(files) == 1:
        return Phrase("reasons.only_one", "It is the only one that fits and is fast enough.")
    return Phrase(
        "reasons.best",
        "Of {count} files that fit and are fast enough it has the best score, {sum}.",
        count=len(files),
        sum=_sum(chosen),
    )


def outdone(entry: Considered, chosen: Considered) -> str:
    """Return why something that would run well was not chosen."""
    lead = chosen.score - entry.score
    if lead < 0:
        return Phrase(
            "reasons.stays_behind",
            "scores {points:.1f} more, but {title} was chosen before and still does well",
            points=-lead,
            title=chosen.title,
        )
    if entry.model != chosen.model:
        better = chosen.title
    elif entry.engine != chosen.engine:
        better = _FORMATS.get(chosen.engine, chosen.quantization)
    elif entry.file != chosen.file:
        better = Phrase("reasons.same_model", "{type} of the same model", type=chosen.quantization)
    else:
        better = Phrase("reasons.same_file", "the same file on {provider}", provider=chosen.provider)
    if not lead:
        return Phrase("reasons.as_good", "{better} scores as much", better=better)
    return Phrase("reasons.better", "{better} scores {points:.1f} more", better=better, points=lead)


def nothing_fits(judged: Sequence[Considered], machine: Machine) -> str:
    """Return why nothing was chosen; `judged` is what there was to choose from, the best first."""
    if not machine.backends:
        return Phrase("reasons.no_engine", "No engine that the firmware profile names can be used here.")
    if not judged:
        return Phrase("reasons.no_models", "There is no model to choose from.")
    nearest = judged[0]
    if nearest.verdict == "unsuitable":
        return Phrase(
            "reasons.none_suitable", "Every model is out of the question; `edgewise select --explain` says why."
        )
    return Phrase(
        "reasons.nothing_fits",
        "No model fits. The smallest, {title} with {memory}, {reason}.",
        title=f"{nearest.title} {nearest.quantization}",
        memory=format_bytes(nearest.memory.total if nearest.memory else 0),
        reason=nearest.reason,
    )


def notes(chosen: Considered | None, machine: Machine) -> list[str]:
    """Return what a person should know beside the choice itself."""
    found: list[str] = [*machine.notes, *([machine.profile.note] if machine.profile.note else [])]
    if not machine.profile.tested:
        found.append(
            Phrase(
                "reasons.untested",
                "The profile {name} rests on published figures; nobody has tested it yet.",
                name=machine.profile.name,
            )
        )
    if chosen and chosen.verdict == "slow":
        found.append(
            Phrase("reasons.unpleasant", "It will be slower than is pleasant: it {reason}.", reason=chosen.reason)
        )
    if chosen and chosen.shrunk:
        less = reduce(
            lambda first, second: Phrase("reasons.also", "{first}, {second}", first=first, second=second), chosen.shrunk
        )
        found.append(Phrase("reasons.shrunk", "So that it fits, it runs with {less}.", less=less))
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
    total, part = chosen.score, _PARTS.get(first, first)
    text = Phrase("reasons.sum", "{total:.1f} = {points:.1f} {part}", total=total, points=points, part=part)
    for name, more in others:
        part = _PARTS.get(name, name)
        if more < 0:
            text = Phrase("reasons.minus", "{sum} - {points:.1f} {part}", sum=text, points=-more, part=part)
        else:
            text = Phrase("reasons.plus", "{sum} + {points:.1f} {part}", sum=text, points=more, part=part)
    return text
