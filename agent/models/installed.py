"""What is installed: one directory per model, with the file and a `model.json` that was written last."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from agent.durable import write_atomically
from agent.gguf import Header
from agent.models.disk import disk_errors
from agent.models.files import FetchedFile, SourceFile
from agent.models.names import is_safe_path
from agent.onnx import ModelFolder

logger = logging.getLogger(__name__)

_FILE = "model.json"
_told: dict[Path, str] = {}
_ENGINES = {"gguf": "llama_cpp", "onnx": "onnx", "encoder": "embeddings"}


class InstalledFile(msgspec.Struct, frozen=True):
    """One file of a model that has several.

    Attributes:
        name: relative to the model's directory.
        bytes: size.
        sha256: lower-case hex.
    """

    name: str
    bytes: int
    sha256: str


class InstalledModel(msgspec.Struct, frozen=True):
    """One installed model, as `model.json` describes it.

    Attributes:
        name: of the model and of its directory.
        file: name of the GGUF file in that directory, or of the ONNX graph, which may lie in a directory below.
        bytes: size of that file, or of all files.
        sha256: of that file, lower-case hex; of several, see `digest_of`.
        source: the reference it was pulled from.
        commit: the revision at the source, or empty.
        etag: the source's fingerprint of the file, or empty.
        licence: as the source names it, or empty.
        installed_at: UTC, ISO 8601.
        architecture: from the header, such as `llama`.
        quantization: from the header, such as `Q4_K_M`; of ONNX such as `int4` or `int4 mixed`.
        parameter_count: from the header.
        context_length: from the header, in tokens.
        format: of the model; an `encoder` makes embeddings and does not chat.
        files: all of them, where there are several.
    """

    name: str
    file: str
    bytes: int
    sha256: str
    source: str
    installed_at: str
    architecture: str
    quantization: str
    parameter_count: int
    context_length: int
    commit: str = ""
    etag: str = ""
    licence: str = ""
    format: Literal["gguf", "onnx", "encoder"] = "gguf"
    files: tuple[InstalledFile, ...] = ()

    @property
    def engine(self) -> str:
        """The name of the engine that runs it."""
        return _ENGINES[self.format]

    @property
    def parts(self) -> tuple[InstalledFile, ...]:
        """All files, also where there is only one."""
        return self.files or (InstalledFile(self.file, self.bytes, self.sha256),)


def digest_of(files: Sequence[InstalledFile]) -> str:
    """Return the sha256 over the lines `HASH  NAME` of all files, as `sha256sum` prints them, by name."""
    lines = [f"{file.sha256}  {file.name}\n" for file in sorted(files, key=lambda file: file.name)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def describe(source: SourceFile, fetched: FetchedFile, header: Header, installed_at: str) -> InstalledModel:
    """Put together what is known about a model file that has been fetched and checked."""
    return InstalledModel(
        name=source.name,
        file=fetched.path.name,
        bytes=fetched.size,
        sha256=fetched.sha256,
        source=source.reference,
        installed_at=installed_at,
        architecture=header.architecture,
        quantization=header.quantization,
        parameter_count=header.parameter_count,
        context_length=header.context_length,
        commit=source.commit,
        etag=source.etag or fetched.etag,
        licence=source.licence,
    )


def describe_folder(
    source: SourceFile, root: Path, fetched: Sequence[FetchedFile], folder: ModelFolder, installed_at: str
) -> InstalledModel:
    """Put together what is known about the files of an ONNX model that have been fetched and checked."""
    files = tuple(InstalledFile(one.path.relative_to(root).as_posix(), one.size, one.sha256) for one in fetched)
    return InstalledModel(
        name=source.name,
        file=folder.graph.relative_to(root).as_posix(),
        bytes=sum(file.bytes for file in files),
        sha256=digest_of(files),
        source=source.reference,
        installed_at=installed_at,
        architecture=folder.architecture,
        quantization=folder.quantization,
        parameter_count=folder.parameter_count,
        context_length=folder.context_length,
        commit=source.commit,
        etag=source.etag,
        licence=source.licence,
        format="onnx",
        files=files,
    )


def read_model(directory: Path) -> InstalledModel | None:
    """Return the model in `directory`, or None when nothing usable is installed there."""
    try:
        model = msgspec.json.decode((directory / _FILE).read_bytes(), type=InstalledModel)
        complete = _is_complete(directory, model)
    except FileNotFoundError:
        return None  # not finished, or not ours
    except (OSError, msgspec.MsgspecError) as error:
        _warn(directory, f"is not a usable description of a model: {error}")
        return None
    if model.name != directory.name or not complete:
        _warn(directory, "does not describe what is beside it")
        return None
    _told.pop(directory, None)
    return model


def source_of(directory: Path) -> str:
    """Return where the model was pulled from that a description names, whatever is beside it; empty without one."""
    try:
        return msgspec.json.decode((directory / _FILE).read_bytes(), type=InstalledModel).source
    except (OSError, msgspec.MsgspecError):
        return ""


def _warn(directory: Path, what: str) -> None:
    """Say once what is wrong with a description: it is looked at again every second."""
    if _told.get(directory) != what:
        _told[directory] = what
        logger.warning("%s %s", directory / _FILE, what)


def _is_complete(directory: Path, model: InstalledModel) -> bool:
    """Tell whether all files are there in the size that they had; FileNotFoundError when one is missing."""
    names = [file.name for file in model.parts]
    safe = all(map(is_safe_path, names)) if model.files else Path(model.file).name == model.file
    if not safe or model.file not in names:
        return False
    return all((directory / file.name).stat().st_size == file.bytes for file in model.parts)


def write_model(directory: Path, model: InstalledModel) -> None:
    """Make the model count as installed; raises DownloadError when the disk is full or broken."""
    with disk_errors(directory / _FILE):
        write_atomically(directory / _FILE, msgspec.json.format(msgspec.json.encode(model)))


def forget_model(directory: Path) -> None:
    """Make the model no longer count as installed; its file stays."""
    (directory / _FILE).unlink(missing_ok=True)
