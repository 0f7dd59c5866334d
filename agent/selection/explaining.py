"""The choice in sentences."""

from agent.selection.machine import Machine
from agent.selection.outcome import Considered
from agent.units import format_bytes


def why(chosen: Considered, rivals: int, machine: Machine) -> str:
    """Return why this one of so many that would run well was chosen."""
    if not rivals:
        return f"Nothing that fits is fast enough on {machine.board}; this one has the best score of those that fit."
    if rivals == 1:
        return "It is the only one that fits and is fast enough."
    return f"Of {rivals} files that fit and are fast enough it has the best score, {_sum(chosen)}."


def nothing_fits(machine: Machine) -> str:
    """Return why nothing was chosen."""
    usable = max((backend.budget.usable for backend in machine.backends), default=0)
    return f"No model fits into the {format_bytes(usable)} of memory that can be used."


def notes(chosen: Considered | None, machine: Machine, *, slow: bool) -> list[str]:
    """Return what a person should know beside the choice itself."""
    found = [*machine.notes, *([machine.profile.note] if machine.profile.note else [])]
    if not machine.profile.tested:
        found.append(f"The profile {machine.profile.name} rests on published figures; nobody has tested it yet.")
    if chosen and slow:
        found.append("It will be slower than is pleasant.")
    if chosen and chosen.shrunk:
        found.append(f"So that it fits, it runs with {', '.join(chosen.shrunk)}.")
    return found


def _sum(chosen: Considered) -> str:
    """Return such as `58.3 = 60.0 quality - 2.0 Q4_K_M + 0.3 speed`."""
    (first, points), *others = chosen.score_parts.items()
    rest = "".join(f" {'-' if part < 0 else '+'} {abs(part):.1f} {reason}" for reason, part in others)
    return f"{chosen.score:.1f} = {points:.1f} {first}{rest}"
