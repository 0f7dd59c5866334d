"""What storage care needs of the node."""

from typing import Protocol

from agent.config import Config
from agent.embeddings.service import Embeddings
from agent.models import ModelStore
from agent.state import Health, SelectionState
from agent.store import Store
from agent.vitals import Vitals


class Host(Protocol):
    """A device with its models; `agent.node.Node` is one.

    Attributes:
        supervised: whether somebody starts the daemon anew when it ends.
    """

    supervised: bool
    config: Config
    models: ModelStore
    store: Store
    vitals: Vitals
    embeddings: Embeddings

    def health(self) -> Health:
        """Return what the node is doing now."""

    def selection(self) -> SelectionState | None:
        """Return what was chosen and why; None before the first choice."""

    def names(self) -> list[str]:
        """Return the names of the models that answer requests now: one, or none."""
