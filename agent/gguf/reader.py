"""Bounded reading of the values that a GGUF header is made of: little-endian numbers and counted strings."""

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from agent.errors import ModelFileError
from agent.phrase import Phrase
from agent.units import format_bytes

MAX_HEADER_BYTES = 64 << 20
MAX_KEPT_BYTES = 8 << 20
MAX_STRING_BYTES = 1 << 20

DOWNLOAD_AGAIN = Phrase(
    "errors.download_again",
    "The file is damaged or incomplete; download it again: `edgewise models pull NAME`.",
)

_WINDOW_BYTES = 1 << 16
_MAX_SENTENCE = 400
_OBJECT_BYTES = 48  # about what CPython needs for a number, or beside the letters of a string
_LENGTH = struct.Struct("<Q")


def file_error(name: str, field: str, problem: str, *, hint: str = DOWNLOAD_AGAIN) -> ModelFileError:
    """Return the error that names a model's file and the wrong field."""
    if len(problem) > _MAX_SENTENCE:  # names in a file may have 64 KiB
        problem = f"{problem[:_MAX_SENTENCE]} …"
    return ModelFileError(
        Phrase("errors.model_file", "{name}: {problem}.", name=name, problem=problem), field=field, hint=hint
    )


class HeaderReader:
    """Reads forward through the header of one file and never beyond its end or `MAX_HEADER_BYTES`.

    No length or count is believed: bytes are asked for only after they were found to be there, so time is
    proportional to the header that really exists and memory to the window plus what was kept.
    """

    def __init__(self, file: BinaryIO, *, name: str, file_size: int) -> None:
        self.name = name
        self.file_size = file_size
        self._file = file
        self._window = b""
        self._window_start = 0
        self._at = 0
        self._kept = 0

    @property
    def position(self) -> int:
        """Bytes from the start of the file to the next value."""
        return self._window_start + self._at

    def error(self, field: str, problem: str, *, hint: str = DOWNLOAD_AGAIN) -> ModelFileError:
        """Return the error that names this file and the wrong field."""
        return file_error(self.name, field, problem, hint=hint)

    def u32(self, field: str) -> int:
        """Read an unsigned number of four bytes."""
        return int.from_bytes(self.take(4, field), "little")

    def u64(self, field: str) -> int:
        """Read an unsigned number of eight bytes."""
        return int.from_bytes(self.take(8, field), "little")

    def numbers(self, code: str, count: int, field: str) -> tuple[Any, ...]:
        """Read `count` numbers of one `struct` format code, to be kept."""
        self._keep(_OBJECT_BYTES * count, field)
        layout = struct.Struct(f"<{count}{code}")
        return layout.unpack(self.take(layout.size, field))

    def text(self, field: str, *, limit: int = MAX_STRING_BYTES) -> str:
        """Read a string of at most `limit` bytes, to be kept; it must be UTF-8."""
        length = self.u64(field)
        self._check_length(length, limit, field)
        self._keep(_OBJECT_BYTES + length, field)
        try:
            return self.take(length, field).decode()
        except UnicodeDecodeError as error:
            raise self.error(field, f"{field} is not UTF-8: {error.reason} at byte {error.start}") from error

    def strings(self, count: int, field: str) -> Iterator[bytes]:
        """Yield the next `count` strings, none of which is kept; all must be taken.

        The window is handled in place because a vocabulary has hundreds of thousands of strings.
        """
        window, at = self._window, self._at
        for _ in range(count):
            start = at + _LENGTH.size
            if start > len(window):
                window, start = self._load(at, _LENGTH.size, field), _LENGTH.size
            end = start + _LENGTH.unpack_from(window, start - _LENGTH.size)[0]
            if end > len(window):
                self._check_length(end - start, MAX_STRING_BYTES, field)
                window, start, end = self._load(start, end - start, field), 0, end - start
            yield window[start:end]
            at = end
        self._at = at

    def skip(self, count: int, field: str) -> None:
        """Step over `count` bytes without reading them."""
        self.require(count, field)
        self.seek(self.position + count)

    def seek(self, position: int) -> None:
        """Go to a position that was reached before."""
        self._window, self._window_start, self._at = b"", position, 0

    def require(self, count: int, field: str) -> None:
        """Raise unless `count` more bytes are there."""
        end = self.position + count
        if end > self.file_size:
            raise self.error(field, f"the file ends at byte {self.file_size} inside {field}, which needs {end}")
        if end > MAX_HEADER_BYTES:
            limit = format_bytes(MAX_HEADER_BYTES)
            raise self.error(field, f"with {field} the header is longer than the {limit} allowed")

    def take(self, count: int, field: str) -> bytes:
        """Read `count` bytes."""
        if self._at + count > len(self._window):
            self._load(self._at, count, field)
        start, self._at = self._at, self._at + count
        return self._window[start : self._at]

    def _load(self, at: int, count: int, field: str) -> bytes:
        """Move the window so that it starts at `at` of the old one and holds at least `count` bytes."""
        self._at = at
        self.require(count, field)
        self.seek(self.position)
        self._file.seek(self.position)
        self._window = self._file.read(max(count, _WINDOW_BYTES))
        if len(self._window) < count:
            raise self.error(field, f"the file became shorter while {field} was read")
        return self._window

    def _keep(self, count: int, field: str) -> None:
        self._kept += count
        if self._kept > MAX_KEPT_BYTES:
            raise self.error(field, f"at {field} the metadata outgrow {format_bytes(MAX_KEPT_BYTES)}")

    def _check_length(self, length: int, limit: int, field: str) -> None:
        if length > limit:
            raise self.error(field, f"{field} holds a string of {length} bytes; at most {limit} are allowed")
