"""Compares the files of an installed model with what was installed."""

from pathlib import Path

from agent.errors import ModelFileError
from agent.models.installed import InstalledFile, InstalledModel
from agent.models.progress import Meter
from agent.models.streams import hash_file
from agent.phrase import Phrase


async def compare(directory: Path, model: InstalledModel, meter: Meter) -> None:
    """Read all files of a model.

    Raises:
        ModelFileError: one cannot be read, or has changed.
    """
    before = 0
    for file in model.parts:
        meter.part(before, model.bytes)
        await _compare(directory / file.name, file, model.name, meter)
        before += file.bytes


async def _compare(path: Path, file: InstalledFile, name: str, meter: Meter) -> None:
    try:
        found = await hash_file(path, lambda done: meter.report("verifying", done, file.bytes))
    except OSError as error:
        raise ModelFileError(
            Phrase("errors.file_unreadable", "{path} cannot be read: {reason}.", path=path, reason=error.strerror),
            field="file",
        ) from error
    if found.sha256 != file.sha256:
        raise ModelFileError(
            Phrase(
                "errors.file_changed",
                "{path} has changed since it was installed: its sha256 is {got}, expected {expected}.",
                path=path,
                got=found.sha256,
                expected=file.sha256,
            ),
            field="sha256",
            hint=Phrase(
                "errors.file_changed_hint", "Remove it and pull it again: `edgewise models rm {name}`.", name=name
            ),
        )
