"""What the setup says about the choice of a model: why this one, and what else would do."""

from agent.models.names import model_name
from agent.selection import Considered, Selection
from agent.state import SelectionState
from web.locale import Translator

_OTHERS = 3  # that are offered beside the choice


def offered(state: SelectionState | None) -> list[Considered]:
    """Return the choice and the next best few models, the best file of each; nothing when nothing can run."""
    if state is None or not state.selection.model:
        return []
    found: dict[str, Considered] = {state.selection.model: state.selection}
    for entry in state.selection.rejected:
        if entry.verdict == "possible" and entry.file:
            found.setdefault(entry.model, entry)
    return list(found.values())[: 1 + _OTHERS]


def file_name(entry: Considered) -> str:
    """Return the name under which a model is installed, or would be."""
    return entry.installed or model_name(entry.file.rpartition("/")[2])


def reason(t: Translator, chosen: Selection) -> str:
    """Return in two sentences why this model was chosen."""
    words = {"board": chosen.board.partition(",")[0], "title": chosen.title}  # its name, without what is in it
    good = [entry for entry in (chosen, *chosen.rejected) if entry.verdict in {"chosen", "possible"}]
    if chosen.verdict == "slow":
        return t("setup.model_slow", **words)
    if any(entry.score > chosen.score for entry in good):
        return t("setup.model_kept", **words)
    return t("setup.model_why", n=len({entry.file for entry in good}), **words)
