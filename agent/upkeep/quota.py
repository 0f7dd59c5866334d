"""Which models make room for others: the least recently used ones, and never those that are needed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Needed: TypeAlias = Literal["", "running", "next", "wanted", "before", "starter", "alone"]
"""Why a model stays: it runs; it is about to; the owner chose it; it ran before and is the way back; it is the starter
model; it could not be fetched again. One that is being downloaded is not among those that can go."""

GIB = 1 << 30
_SHARE, _LEAST, _MOST = 20, 1 * GIB, 10 * GIB


@dataclass(frozen=True, slots=True)
class Held:
    """A model on this disk.

    Attributes:
        name: of it.
        bytes: that it takes.
        needed: why it must stay; empty: it may go.
    """

    name: str
    bytes: int
    needed: Needed = ""


@dataclass(frozen=True, slots=True)
class Room:
    """How much there is.

    Attributes:
        free: bytes of the disk.
        total: bytes of the disk, used or not.
        quota: bytes that all models together may take; 0: as many as leave the reserve free.
        incoming: bytes of a model that is to come.
    """

    free: int
    total: int
    quota: int = 0
    incoming: int = 0

    @property
    def reserve(self) -> int:
        """Bytes of the disk that models leave free: a twentieth of it, at least 1 GiB and at most 10 GiB."""
        return min(max(self.total // _SHARE, _LEAST), _MOST, self.total // 4)


def missing(models: Sequence[Held], room: Room) -> int:
    """Return how many bytes of models have to go; 0: none."""
    over = sum(model.bytes for model in models) + room.incoming - room.quota if room.quota else 0
    return max(0, over, room.reserve + room.incoming - room.free)


def to_remove(models: Sequence[Held], room: Room) -> list[Held]:
    """Return the models that have to go, the first one first.

    For a model that is to come, nothing goes unless it then fits. Without one, what may go goes as far as that helps.

    Args:
        models: all, the least recently used first.
        room: on the disk.
    """
    wanted, gone, freed = missing(models, room), [], 0
    for model in models:
        if freed >= wanted:
            break
        if not model.needed:
            gone.append(model)
            freed += model.bytes
    return [] if room.incoming and freed < wanted else gone


def next_to_go(models: Sequence[Held]) -> str:
    """Return the name of the model that would go first; empty: none may."""
    return next((model.name for model in models if not model.needed), "")
