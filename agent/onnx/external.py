"""Where the data of tensors lie outside of the graph's file, and the files that may be read for it.

A file that names any other place makes a program read what it should not: CVE-2022-25882, CVE-2024-27318.
"""

import stat
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath

from agent.onnx.graph import Place
from agent.onnx.wire import WireFile

_MAX_FILES = 1024
_MAX_PATH = 512  # letters
_IN_MEMORY = "_ORT_MEM_ADDR_"  # how ONNX Runtime marks an address in memory instead of a file
_PULL_ALL = "Copy or pull all files of the model into one folder."
_COPY = "Copy the files themselves into the folder; links may not lead out of it."


@dataclass(slots=True)
class DataFiles:
    """The files beside one graph.

    Attributes:
        wire: the graph's file, for errors.
        folder: the folder of the graph.
        sizes: bytes of each file that was named, by its name.
    """

    wire: WireFile
    folder: Path
    sizes: dict[str, int] = field(default_factory=dict)

    def place(self, entries: dict[str, str], needed: int, what: str) -> Place:
        """Return the place that a tensor of `needed` bytes names.

        Raises:
            ModelFileError: it is outside of the folder, missing or too short.
        """
        name = entries.get("location", "")
        size = self.size(name, f"{what}.location")
        offset = self._number(entries, "offset", what, 0)
        length = self._number(entries, "length", what, needed)
        if length != needed:
            raise self.wire.error(f"{what}.length", f"{what} has {length} bytes in {name!r}; it needs {needed}")
        if offset + length > size:
            problem = f"{what} ends at byte {offset + length} of {name!r}, which has only {size} bytes"
            raise self.wire.error(f"{what}.offset", problem)
        return Place(name, offset, length)

    def size(self, name: str, what: str) -> int:
        """Return the bytes of a file in the folder.

        Raises:
            ModelFileError: it is not in the folder, or no regular file.
        """
        if name not in self.sizes:
            if len(self.sizes) == _MAX_FILES:
                raise self.wire.error(what, f"the graph names more than {_MAX_FILES} files")
            self.sizes[name] = self._checked(name, what)
        return self.sizes[name]

    def _checked(self, name: str, what: str) -> int:
        if not is_inside(name) or _IN_MEMORY in name:
            raise self.wire.error(what, f"{what} names {name[:80]!r}, which is no file of the model's folder")
        path = self.folder / name
        try:
            if not path.resolve(strict=True).is_relative_to(self.folder.resolve()):
                raise self.wire.error(what, f"{name} is a link to a place outside of the model's folder", hint=_COPY)
            status = path.stat()
        except FileNotFoundError:
            raise self.wire.error(what, f"{name} is missing beside it", hint=_PULL_ALL) from None
        if not stat.S_ISREG(status.st_mode):
            raise self.wire.error(what, f"{name} is not a regular file")
        return status.st_size

    def _number(self, entries: dict[str, str], key: str, what: str, default: int) -> int:
        text = entries.get(key)
        if text is None:
            return default
        if not text.isascii() or not text.isdigit() or len(text) > 18:  # noqa: PLR2004 - below 2**63
            raise self.wire.error(f"{what}.{key}", f"{what} has the impossible {key} {text[:40]!r}")
        return int(text)


def is_inside(name: str) -> bool:
    """Tell whether a relative path stays inside of the folder that it starts from, on any system."""
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    return (
        0 < len(name) <= _MAX_PATH
        and name.isprintable()
        and not posix.is_absolute()
        and not windows.anchor
        and ".." not in windows.parts
        and posix.name not in {"", ".", ".."}
    )
