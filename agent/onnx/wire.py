"""Bounded reading of the protobuf wire format (https://protobuf.dev/programming-guides/encoding/).

Only what is asked for is read: the contents of a field are stepped over by their length, so that gigabytes of weights
cost nothing. The file is not mapped into memory: a card that fails would end the process instead of raising an error.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from agent.errors import ModelFileError
from agent.gguf.reader import DOWNLOAD_AGAIN, file_error
from agent.units import format_bytes

MAX_FIELDS = 1 << 20  # of all messages that are looked into
MAX_DEPTH = 24  # messages inside each other; a graph inside a graph takes three
MAX_KEPT_BYTES = 24 << 20
MAX_TEXT_BYTES = 1 << 16

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5

_WINDOW_BYTES = 1 << 16
_LONGEST_HEAD = 20  # bytes of a key and a number or a length
_LONGEST_VARINT = 63  # bits before the last byte of a number
_MAX_FIELD_NUMBER = 1 << 29
_OBJECT_BYTES = 64  # about what CPython needs beside the letters of a text
_SIGN = 1 << 63


class Field(NamedTuple):
    """One field of a message.

    Attributes:
        number: which field.
        kind: wire type: `VARINT`, `FIXED64`, `LENGTH` or `FIXED32`.
        value: the number itself, unsigned; of `LENGTH` where in the file the contents begin.
        end: of `LENGTH`, where they end.
    """

    number: int
    kind: int
    value: int
    end: int


class WireFile:
    """Reads the messages of one file and never beyond its end; time and memory are bounded for any content."""

    def __init__(self, file: BinaryIO, *, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self._file = file
        self._window = b""
        self._base = 0
        self._fields = 0
        self._kept = 0

    def error(self, field: str, problem: str, *, hint: str = DOWNLOAD_AGAIN) -> ModelFileError:
        """Return the error that names this file and the wrong field."""
        return file_error(self.name, field, problem, hint=hint)

    def start(self, count: int) -> bytes:
        """Return the first bytes of the file, at most so many."""
        window, _ = self._load(0, min(count, self.size), "the start")
        return window[:count]

    def fields(self, start: int, end: int, what: str, depth: int) -> Iterator[Field]:
        """Yield the fields of the message that lies from `start` to `end`; `what` names it in errors."""
        if depth > MAX_DEPTH:
            raise self.error(what, f"{what} lies deeper than {MAX_DEPTH} messages inside each other")
        window, base, at = b"", start, start
        while at < end:
            if at + _LONGEST_HEAD > base + len(window):
                window, base = self._load(at, min(_LONGEST_HEAD, end - at), what)
            self._fields += 1
            if self._fields > MAX_FIELDS:
                raise self.error(what, f"the graph has more than {MAX_FIELDS} entries")
            field = self._field(window, base, at, what)
            at = field.end
            if at > end:
                raise self.error(what, f"{what} ends at byte {end}, but one of its fields at byte {at}")
            yield field

    def text(self, field: Field, what: str, *, limit: int = MAX_TEXT_BYTES) -> str:
        """Return a text, to be kept; it must be UTF-8 and at most `limit` bytes."""
        try:
            return self.data(field, what, limit=limit).decode()
        except UnicodeDecodeError as error:
            raise self.error(what, f"{what} is not UTF-8: {error.reason} at byte {error.start}") from error

    def data(self, field: Field, what: str, *, limit: int) -> bytes:
        """Return the contents of a field, to be kept."""
        if field.kind != LENGTH:
            raise self.error(what, f"{what} is a number where a text belongs")
        length = field.end - field.value
        if length > limit:
            raise self.error(what, f"{what} has {length} bytes; at most {limit} are allowed")
        self.keep(length, what)
        window, base = self._load(field.value, length, what)
        return window[field.value - base : field.end - base]

    def number(self, field: Field, what: str) -> int:
        """Return a signed number."""
        if field.kind != VARINT:
            raise self.error(what, f"{what} is no number")
        return field.value - 2 * _SIGN if field.value >= _SIGN else field.value

    def decimal(self, field: Field, what: str) -> float:
        """Return a number of four bytes with decimals."""
        if field.kind != FIXED32:
            raise self.error(what, f"{what} is no number of four bytes")
        return float(struct.unpack("<f", field.value.to_bytes(4, "little"))[0])

    def numbers(self, field: Field, what: str, *, limit: int) -> list[int]:
        """Return one signed number, or those that lie packed in the field: at most `limit`."""
        if field.kind != LENGTH:
            return [self.number(field, what)]
        packed = self.data(field, what, limit=10 * limit)
        found, at = [], 0
        while at < len(packed):
            value, at = self._varint(packed, 0, at, what)
            found.append(value - 2 * _SIGN if value >= _SIGN else value)
        if len(found) > limit:
            raise self.error(what, f"{what} has {len(found)} numbers; at most {limit} are allowed")
        self.keep(_OBJECT_BYTES * len(found), what)
        return found

    def message(self, field: Field, what: str, depth: int) -> Iterator[Field]:
        """Yield the fields of the message that a field holds."""
        if field.kind != LENGTH:
            raise self.error(what, f"{what} is a number where a message belongs")
        return self.fields(field.value, field.end, what, depth + 1)

    def keep(self, count: int, what: str) -> None:
        """Count what is kept in memory."""
        self._kept += _OBJECT_BYTES + count
        if self._kept > MAX_KEPT_BYTES:
            raise self.error(what, f"at {what} the description of the graph outgrows {format_bytes(MAX_KEPT_BYTES)}")

    def _field(self, window: bytes, base: int, at: int, what: str) -> Field:
        key, at = self._varint(window, base, at, what)
        number, kind = key >> 3, key & 7
        if not 0 < number < _MAX_FIELD_NUMBER:
            raise self.error(what, f"{what} has a field with the impossible number {number}")
        if kind == VARINT:
            value, at = self._varint(window, base, at, what)
            return Field(number, kind, value, at)
        if kind == LENGTH:
            length, at = self._varint(window, base, at, what)
            if at + length > self.size:
                raise self.error(what, f"the file ends at byte {self.size} inside {what}, which needs {at + length}")
            return Field(number, kind, at, at + length)
        if kind not in {FIXED32, FIXED64}:
            raise self.error(what, f"{what} has a field of the unknown kind {kind}")
        width = 4 if kind == FIXED32 else 8
        value = int.from_bytes(window[at - base : at - base + width], "little")
        return Field(number, kind, value, at + width)

    def _varint(self, window: bytes, base: int, at: int, what: str) -> tuple[int, int]:
        value = shift = 0
        index = at - base
        try:
            while (byte := window[index]) >= 128:  # noqa: PLR2004 - the bit that says that more follows
                value |= (byte & 127) << shift
                shift += 7
                index += 1
                if shift > _LONGEST_VARINT:
                    raise self.error(what, f"{what} holds a number of more than ten bytes")
        except IndexError:
            raise self.error(what, f"{what} ends inside a number") from None
        return (value | byte << shift) & (2 * _SIGN - 1), base + index + 1

    def _load(self, at: int, count: int, what: str) -> tuple[bytes, int]:
        """Return a piece of the file with at least `count` bytes from `at`, and where it begins."""
        if not self._base <= at <= at + count <= self._base + len(self._window):
            if at + count > self.size:
                raise self.error(what, f"the file ends at byte {self.size} inside {what}, which needs {at + count}")
            self._file.seek(at)
            self._window, self._base = self._file.read(max(count, _WINDOW_BYTES)), at
            if len(self._window) < count:
                raise self.error(what, f"the file became shorter while {what} was read")
        return self._window, self._base
