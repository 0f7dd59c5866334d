"""`GET /api/edgewise/selection`: which model was chosen for this computer, and why."""

from litestar import get
from litestar.di import NamedDependency

from agent.errors import EngineUnavailableError
from agent.node import Node
from agent.state import SelectionState

_RETRY = 2  # seconds; a first look at a computer takes about three


@get("/api/edgewise/selection", access="key:models", sync_to_thread=False)
def show_selection(node: NamedDependency[Node]) -> SelectionState:
    """Return the choice with the reason of every candidate, what serves now, and what is on its way."""
    state = node.selection()
    if state is None:
        health = node.health()
        if health.status == "ok":
            raise EngineUnavailableError(f"Nothing was chosen: the engine {node.config.engine!r} needs no model.")
        retry = 0 if health.status == "failed" else _RETRY
        raise EngineUnavailableError(
            health.detail or "This computer has not been looked at yet.", retry_after=retry, hint=health.hint
        )
    return state


ROUTES = [show_selection]
