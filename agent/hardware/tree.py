"""Bounded reading of /proc, /sys and /dev below some root. What cannot be read, or is not text, is simply not there."""

import os
import re
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

_MOST = 1 << 20  # bytes of one file; /proc/cpuinfo of 512 x86 CPUs has about 800 KiB
_LONGEST = 4096  # characters of one value; sysfs gives no more than a page
_ENTRIES = 4096  # names of one directory
_LARGEST = 1 << 60  # beyond this are nonsense and cgroup v1's way to say "no limit", 2^63 less a page
_NUMBER = re.compile(r"([0-9]+)")


class Tree:
    """The files below a root directory, each read at most once. Paths are relative and have no leading slash.

    Attributes:
        root: `/`, or the top of a recorded tree.
        live: whether this is the running computer, which knows more than its files say.
        files: what has been read so far, by path.
        found: paths whose existence was a fact, without their content.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self.live = self.root == Path("/")
        self.files: dict[str, bytes] = {}
        self.found: set[str] = set()
        self._missing: set[str] = set()

    def text(self, path: str) -> str:
        """Return a value of one line, without the white space around it."""
        try:
            value = self._bytes(path).decode().strip().replace("\t", " ")
        except UnicodeDecodeError:
            return ""
        return value if value.isprintable() and len(value) <= _LONGEST else ""

    def number(self, path: str, *, base: int = 10, least: int = 0) -> int | None:
        """Return a value that is a whole number, and no less than `least`."""
        return number(self.text(path), base=base, least=least)

    def lines(self, path: str) -> list[str]:
        """Return the lines of a file, but for those that are not text and one that the bound has cut off."""
        data = self._bytes(path)
        if len(data) == _MOST:
            data = data[: data.rfind(b"\n") + 1]
        lines = data.decode(errors="replace").replace("\t", " ").split("\n")
        return [line for line in lines if line.isprintable() and "\ufffd" not in line]

    def table(self, path: str, separator: str) -> dict[str, str]:
        """Return the lines `key SEPARATOR value` of a file; the first of several with the same key counts."""
        pairs: dict[str, str] = {}
        for line in self.lines(path):
            key, found, value = line.partition(separator)
            if found:
                pairs.setdefault(key.strip(), value.strip())
        return pairs

    def strings(self, path: str) -> list[str]:
        """Return the NUL-terminated strings of a device-tree property."""
        try:
            texts = self._bytes(path).decode().split("\0")
        except UnicodeDecodeError:
            return []
        return [text.strip() for text in texts if text.strip().isprintable() and 0 < len(text.strip()) <= _LONGEST]

    def exists(self, path: str) -> bool:
        """Tell whether there is something of this name, whatever it is."""
        place = self._place(path)
        if place is None or not os.path.lexists(place):
            return False
        self.found.add(path)
        return True

    def resolve(self, path: str) -> str:
        """Return where symbolic links lead, as a path of this tree; empty when that is nowhere."""
        place = self._place(path)
        real = os.path.realpath(place) if place is not None else ""
        return os.path.relpath(real, self.root) if real and os.path.lexists(real) else ""

    def glob(self, pattern: str) -> list[str]:
        """Return the paths that match, in numeric order; a last part without wildcards need not exist."""
        matches = [""]
        for part in pattern.split("/"):
            if "*" in part or "[" in part:
                matches = [
                    f"{base}{name}/" for base in matches for name in self._names(base) if fnmatchcase(name, part)
                ]
            else:
                matches = [f"{base}{part}/" for base in matches]
        return sorted((match.rstrip("/") for match in matches), key=_numeric)

    def _names(self, directory: str) -> list[str]:
        place = self._place(directory)
        try:
            return sorted(os.listdir(place))[:_ENTRIES] if place is not None else []  # noqa: PTH208 - names, not paths
        except (OSError, ValueError):
            return []

    def _bytes(self, path: str) -> bytes:
        if path in self.files:
            return self.files[path]
        if path in self._missing:
            return b""
        data = self._read(path)
        if data is None:
            self._missing.add(path)
            return b""
        self.files[path] = data
        return data

    def _read(self, path: str) -> bytes | None:
        place = self._place(path)
        if place is None:
            return None
        try:
            # O_NONBLOCK: a named pipe in a recorded tree must not hold us up.
            descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError):
            return None
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            return b"".join(_chunks(descriptor))
        except OSError:  # many sensors answer with an error while their device sleeps
            return None
        finally:
            os.close(descriptor)

    def _place(self, path: str) -> str | None:
        """Return where a path is, or None when symbolic links lead out of a recorded tree, into this computer."""
        place = os.path.join(self.root, path)  # noqa: PTH118 - hundreds of these; pathlib takes several times as long
        if self.live:
            return place
        real = os.path.realpath(place)
        return real if f"{real}/".startswith(f"{str(self.root).rstrip('/')}/") else None


def number(text: str, *, base: int = 10, least: int = 0) -> int | None:
    """Return the whole number that a text is, or None when it is none, less than `least` or absurdly large."""
    if not text.isascii() or "_" in text or len(text) > 20:  # noqa: PLR2004 - more digits than 64 bits have
        return None
    try:
        value = int(text, base)
    except ValueError:
        return None
    return value if least <= value <= _LARGEST else None


def _chunks(descriptor: int) -> Iterator[bytes]:
    left = _MOST
    while left and (chunk := os.read(descriptor, min(left, 1 << 16))):
        left -= len(chunk)
        yield chunk


def _numeric(path: str) -> list[tuple[int, str]]:
    """Return a key that sorts `cpu10` after `cpu2`: texts and numbers in turn."""
    parts = _NUMBER.split(path)
    return [(int(part), "") if index % 2 else (0, part) for index, part in enumerate(parts)]
