"""What keeps this device from running its best model: heat, lack of memory, crashes, a file that is not checked.

Whoever sets one also lifts it.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from agent.phrase import joined

logger = logging.getLogger(__name__)

Cause: TypeAlias = Literal["heat", "memory", "crashes", "signature"]


@dataclass(frozen=True, slots=True)
class Restraint:
    """Which models may not run at the moment, and why.

    Attributes:
        reason: what has happened, for the owner.
        way_out: what ends it.
        most: bytes of memory that a model may take; None: any.
        only: names of the models that may run; None: any; empty: none may.
        never: names of models that may not.
        rests: whether nothing runs when no model is left; otherwise the smallest one does.
        binds_wish: whether it also holds for the model that the user has chosen.
    """

    reason: str
    way_out: str = ""
    most: int | None = None
    only: tuple[str, ...] | None = None
    never: tuple[str, ...] = ()
    rests: bool = True
    binds_wish: bool = True

    def allows(self, name: str, memory: int) -> bool:
        """Tell whether a model of this name that takes so many bytes may run."""
        named = name not in self.never and (self.only is None or name in self.only)
        return named and (self.most is None or memory <= self.most)


class Restraints:
    """Those in force, by cause. `on_change` is called with the cause and what is in force now."""

    def __init__(self) -> None:
        self._in_force: dict[Cause, Restraint] = {}
        self.on_change: list[Callable[[Cause, Restraint | None], None]] = []

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool(self._in_force)

    def all(self) -> Mapping[Cause, Restraint]:
        """Return those in force."""
        return dict(self._in_force)

    def set(self, cause: Cause, restraint: Restraint) -> None:
        """Put one in force, instead of another of the same cause."""
        if self._in_force.get(cause) != restraint:
            self._in_force[cause] = restraint
            logger.warning("%s", joined(restraint.reason, restraint.way_out))
            self._tell(cause)

    def lift(self, cause: Cause) -> None:
        """End what is in force for a cause, if there is anything."""
        if self._in_force.pop(cause, None) is not None:
            logger.info("No longer restrained by %s", cause)
            self._tell(cause)

    def allowed(self, names: Sequence[str], memory: Mapping[str, int], wish: str) -> list[str]:
        """Return which of the models may run, in the same order.

        Args:
            names: of the models.
            memory: bytes that each takes.
            wish: name of the one that the user has chosen; empty: none.
        """
        left = list(names)
        for restraint in self._in_force.values():
            found = [
                name
                for name in left
                if restraint.allows(name, memory[name]) or (name == wish and not restraint.binds_wish)
            ]
            left = found or ([] if restraint.rests else sorted(left, key=memory.__getitem__)[:1])
        return left

    def reason(self) -> str:
        """Return what has happened, in sentences."""
        return joined(*(restraint.reason for restraint in self._in_force.values()))

    def way_out(self) -> str:
        """Return what ends it, in sentences."""
        return joined(*(restraint.way_out for restraint in self._in_force.values()))

    def _tell(self, cause: Cause) -> None:
        for listener in self.on_change:
            listener(cause, self._in_force.get(cause))
