"""What answering needs of the node."""

from typing import Protocol

from agent.engines import ModelInfo
from agent.inference.answer import Answer
from agent.inference.frames import Generate
from agent.inference.pending import Place


class Host(Protocol):
    """Has an engine, or will have one."""

    @property
    def model(self) -> ModelInfo | None:
        """What is loaded, or None while nothing is."""

    def names(self) -> list[str]:
        """Return the names of the models that answer requests now: one, or none."""

    def progress(self) -> float:
        """Return how much of the model is loaded or downloaded, from 0 to 1."""

    def generate(self, request: Generate) -> Answer:
        """Hand a request to the engine.

        Raises:
            EngineUnavailableError: no model is ready; says why, and whether waiting helps.
            QueueFullError: too many requests are waiting.
        """

    def place(self, answer: Answer) -> Place | None:
        """Return where a request stands in the queue; None once it is begun."""
