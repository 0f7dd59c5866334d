"""A file on this computer: `./model.gguf`, `/media/usb/model.gguf`, `~/model.gguf`, `file:///media/usb/model.gguf`.

Or a folder with an ONNX model: `/media/usb/phi-4-mini`.

It is copied, never moved: the stick may be pulled out afterwards.
"""

import urllib.parse
from dataclasses import replace
from pathlib import Path

from agent.errors import ModelError, ModelNotFoundError
from agent.gguf import read_header
from agent.models.files import SourceFile
from agent.models.names import is_safe_path, model_name, safe_filename
from agent.models.settings import SourceSettings
from agent.models.streams import in_thread
from agent.models.transport import Http
from agent.onnx import is_onnx, read_folder
from agent.phrase import Phrase

REMOTE = False
ANYWHERE = True

_PREFIXES = ("/", "./", "../", "~", "file://")


def accepts(reference: str) -> bool:
    """Tell whether `reference` looks like a path, or is that of a model below the working directory."""
    if reference.startswith(_PREFIXES) or (reference.endswith(".gguf") and Path(reference).is_file()):
        return True
    return "/" in reference and is_onnx(Path(reference))


async def resolve(reference: str, settings: SourceSettings, http: Http) -> SourceFile:
    """Return the file at the path.

    Raises:
        ModelNotFoundError: there is no such file.
        ModelFileError: it is not a model file that can be used.
    """
    del settings, http
    return await in_thread(_describe, _path(reference))


def _path(reference: str) -> Path:
    if reference.startswith("file://"):
        reference = urllib.parse.unquote(urllib.parse.urlsplit(reference).path)
    return Path(reference).expanduser().absolute()


def _describe(path: Path) -> SourceFile:
    if not path.exists():
        raise ModelNotFoundError(
            Phrase("errors.no_file", "There is no file {path}.", path=path),
            hint=Phrase("errors.no_file_hint", "If it is on a stick, check that the stick is mounted: `lsblk`."),
        )
    if path.is_dir() or is_onnx(path):
        return _describe_folder(path)
    read_header(path)  # better told now than after gigabytes have been copied
    status = path.stat()
    return SourceFile(
        reference=str(path),
        name=model_name(path.name),
        filename=safe_filename(path.name),
        path=path,
        size=status.st_size,
        etag=f"{status.st_size}-{status.st_mtime_ns}",
    )


def _describe_folder(path: Path) -> SourceFile:
    folder = read_folder(path)
    graph = folder.graph.relative_to(folder.root).as_posix()
    newest = max((folder.root / name).stat().st_mtime_ns for name in folder.files)
    main, *beside = (_part(folder.root, name, str(path)) for name in (graph, *(n for n in folder.files if n != graph)))
    name = model_name(folder.root.resolve().name)
    return replace(main, name=name, etag=f"{folder.bytes}-{newest}", beside=tuple(beside))


def _part(root: Path, name: str, reference: str) -> SourceFile:
    if not is_safe_path(name):
        raise ModelError(Phrase("errors.file_name", "{name!r} cannot be the name of a file.", name=name))
    path = root / name
    return SourceFile(reference, "", name, path=path, size=path.stat().st_size)
