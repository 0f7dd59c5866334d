"""What the node is doing, put together from what its parts say."""

from agent.inference.candidate import Status
from agent.phrase import Phrase, joined
from agent.restraints import Restraints
from agent.state import VERSION, Health, RestraintState, SelectionState
from agent.steward import Coming, Steward

_AS_THE_NODE_SAYS = {"ready": "ok", "stopped": "loading", "refused": "loading"}


def health(status: Status, steward: Steward, active: int, *, choosing: bool, restraints: Restraints) -> Health:
    """Return what the node is doing now.

    Args:
        status: of the engine.
        steward: who chooses and installs models.
        active: requests being answered or waiting.
        choosing: whether the steward is at work.
        restraints: what keeps the best model from running.
    """
    coming, trouble = steward.coming, steward.trouble
    if status.state == "stopped" and trouble is not None:
        return Health("failed", VERSION, detail=trouble.message, hint=trouble.hint)
    if status.state in {"stopped", "failed"} and coming is not None:
        return _first_download(status.detail, coming)
    if status.state == "stopped" and choosing:
        return Health("loading", VERSION, detail=Phrase("errors.looking", "Looking at this computer."))
    more = trouble.message if trouble else coming.describe() if coming else ""
    return Health(
        status=_AS_THE_NODE_SAYS.get(status.state, status.state),
        version=VERSION,
        model=status.model,
        detail=joined(status.detail, more),
        hint=status.hint,
        progress=status.progress,
        active=active,
        restarts=status.restarts,
        restraints=[RestraintState(cause, held.reason, held.way_out) for cause, held in restraints.all().items()],
    )


def chosen(status: Status, steward: Steward, wanted: str, failures: list[str]) -> SelectionState | None:
    """Return what was chosen and why; None before the first choice.

    Args:
        status: of the engine.
        steward: who chooses.
        wanted: name of the model that the user has chosen; empty: the choice is ours.
        failures: why models that were to serve do not.
    """
    if steward.selection is None:
        return None
    return SelectionState(
        serving=status.model if status.state == "ready" else "",
        wanted=wanted,
        coming=steward.coming.describe() if steward.coming else "",
        failures=failures,
        selection=steward.selection,
    )


def _first_download(failed: str, coming: Coming) -> Health:
    """Return what there is to say while nothing can be served yet."""
    if coming.trouble is not None:
        detail = joined(failed, coming.trouble.message)
        return Health("failed", VERSION, detail=detail, hint=coming.trouble.hint)
    progress = coming.progress
    share = progress.done / progress.total if progress and progress.total else 0.0
    detail = joined(failed, coming.describe())
    return Health("downloading", VERSION, model=coming.name, detail=detail, progress=share)
