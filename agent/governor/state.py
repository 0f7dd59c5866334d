"""What the governor does at the moment, for pages and metrics."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Governed:
    """How much of its power the engine uses.

    Attributes:
        level: 0 for all of it; each higher one is a quarter less.
        share: of full speed.
        threads: with how many the engine computes; 0: there is none.
        reason: why it is less than all, for people; empty when it is not.
    """

    level: int = 0
    share: float = 1.0
    threads: int = 0
    reason: str = ""


FREE = Governed()
"""All of it."""
