"""A file on this computer: `./model.gguf`, `/media/usb/model.gguf`, `~/model.gguf`, `file:///media/usb/model.gguf`.

It is copied, never moved: the stick may be pulled out afterwards.
"""

import urllib.parse
from pathlib import Path

from agent.errors import ModelNotFoundError
from agent.gguf import read_header
from agent.models.files import SourceFile
from agent.models.names import model_name, safe_filename
from agent.models.settings import SourceSettings
from agent.models.streams import in_thread
from agent.models.transport import Http
from agent.phrase import Phrase

REMOTE = False
ANYWHERE = True

_PREFIXES = ("/", "./", "../", "~", "file://")


def accepts(reference: str) -> bool:
    """Tell whether `reference` looks like a path, or is the name of a file in the working directory."""
    return reference.startswith(_PREFIXES) or (reference.endswith(".gguf") and Path(reference).is_file())


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
            hint=Phrase("errors.no_file_hint", "if it is on a stick, check that the stick is mounted: `lsblk`"),
        )
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
