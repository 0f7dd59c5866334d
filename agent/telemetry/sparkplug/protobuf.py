"""The wire format of Protocol Buffers, as far as Sparkplug needs it.

Source: https://protobuf.dev/programming-guides/encoding/. A message is a row of fields, each with its number and one
of these kinds: a number of variable length, 8 bytes, a length and as many bytes, 4 bytes.
"""

import struct
from collections.abc import Iterator
from typing import TypeAlias

from agent.errors import InputError

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_LONGEST = 10  # bytes of a 64-bit number, seven bits in each
_WORD = (1 << 64) - 1
_MORE = 0x80  # of a byte of such a number: another one follows

Field: TypeAlias = tuple[int, int | bytes]
"""Number and content of a field; the 4 or 8 bytes of a fraction are left as they are."""


def number(field: int, value: int) -> bytes:
    """Encode an integer of up to 64 bits, negative ones in two's complement, or a boolean."""
    return _key(field, _VARINT) + _varint(value & _WORD)


def double(field: int, value: float) -> bytes:
    """Encode a fraction."""
    return _key(field, _EIGHT) + struct.pack("<d", value)


def content(field: int, value: str | bytes) -> bytes:
    """Encode a text, or a message within the message."""
    data = value.encode() if isinstance(value, str) else value
    return _key(field, _BYTES) + _varint(len(data)) + data


def fields(data: bytes) -> Iterator[Field]:
    """Yield the fields of a message, in order.

    Raises:
        InputError: it is malformed.
    """
    place = 0
    while place < len(data):
        key, place = _read_varint(data, place)
        kind = key & 7
        if kind == _VARINT:
            value, place = _read_varint(data, place)
            yield key >> 3, value
            continue
        size, place = _read_size(data, place, kind)
        if place + size > len(data):
            raise InputError(f"The message ends within a field of {size} bytes.")
        yield key >> 3, data[place : place + size]
        place += size


def _key(field: int, kind: int) -> bytes:
    return _varint(field << 3 | kind)


def _varint(value: int) -> bytes:
    """Encode seven bits in each byte, the lowest first."""
    coded = bytearray()
    while value >= _MORE:
        coded.append(value & 0x7F | _MORE)
        value >>= 7
    coded.append(value)
    return bytes(coded)


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    """Return a number, and the place behind it."""
    value = 0
    for index, byte in enumerate(data[place : place + _LONGEST]):
        value |= (byte & 0x7F) << 7 * index
        if byte < _MORE:
            return value & _WORD, place + index + 1
    raise InputError("The message has a number that does not end.")


def _read_size(data: bytes, place: int, kind: int) -> tuple[int, int]:
    """Return how many bytes a field has, and where they begin."""
    if kind == _BYTES:
        return _read_varint(data, place)
    if kind in {_EIGHT, _FOUR}:
        return 8 if kind == _EIGHT else 4, place
    raise InputError(f"The message has a field of the unknown kind {kind}.")
