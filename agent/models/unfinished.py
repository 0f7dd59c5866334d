"""What an interrupted pull has left."""

from pathlib import Path

import msgspec

from agent.models.installed import source_of
from agent.models.record import read_record


class UnfinishedModel(msgspec.Struct, frozen=True):
    """A directory that holds no usable model.

    Attributes:
        name: of the directory, and of the model it was meant to become.
        bytes: that it takes up.
        total: bytes of the whole download, or None when it is not known.
        source: the reference that would go on with it, or empty when it is not known.
    """

    name: str
    bytes: int
    total: int | None = None
    source: str = ""


def read_unfinished(directory: Path) -> UnfinishedModel:
    """Return what is known about a directory without a usable model."""
    record = next(filter(None, map(read_record, sorted(directory.rglob("*.part.json")))), None)
    return UnfinishedModel(
        name=directory.name,
        bytes=sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()),
        total=record.size if record else None,
        source=record.reference if record else source_of(directory),
    )
