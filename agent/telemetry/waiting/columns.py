"""Records that are much alike, packed: one metric after the other, and of each number how it differs from the last.

Temperatures and loads move in small steps of a tenth, counters evenly, most else not at all: of 1500 bytes some 100
remain.
"""

import itertools
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import msgspec

Record: TypeAlias = list[Any]
Column: TypeAlias = Sequence[Any]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[list[Any]]).decode
_AS_THEY_ARE = -1  # before the values of a column; else the decimal places of its numbers
_PLACES = (1, 2, 3, 4)
_LARGEST = 1 << 62  # number of which differences are taken: both fit 64 bits


def pack(records: Sequence[Record]) -> bytes:
    """Return records of equal length as bytes; at least one, and the first of what they hold must differ in each."""
    columns = [_shrunk(column) for column in zip(*records, strict=True)]
    return zlib.compress(_encode(columns), zlib.Z_BEST_COMPRESSION, -zlib.MAX_WBITS)


def unpack(content: bytes) -> Iterator[Record]:
    """Yield what was packed.

    Raises:
        zlib.error, msgspec.DecodeError, UnicodeDecodeError: it is broken.
    """
    columns = _decode(zlib.decompress(content, -zlib.MAX_WBITS))
    count = max(1, len(columns[0]) - 1)
    return map(list, zip(*(_grown(column, count) for column in columns), strict=True))


def _shrunk(column: Column) -> list[Any]:
    first = column[0]
    if all(type(value) is type(first) and value == first for value in column):
        return [first]
    if all(type(value) is int and abs(value) < _LARGEST for value in column):  # a switch is none
        return [0, *_differences(column)]
    if all(type(value) is float and abs(value) * 10 ** _PLACES[-1] < _LARGEST for value in column):
        for places in _PLACES:
            whole = [round(value * 10**places) for value in column]
            if [number / 10**places for number in whole] == list(column):
                return [places, *_differences(whole)]
    return [_AS_THEY_ARE, *column]


def _grown(column: Column, count: int) -> Iterable[Any]:
    if len(column) == 1:
        return itertools.repeat(column[0], count)
    places, *values = column
    if places == _AS_THEY_ARE:
        return values
    whole = itertools.accumulate(values)
    return (number / 10**places for number in whole) if places else whole


def _differences(numbers: Sequence[int]) -> Iterator[int]:
    return (number - before for before, number in zip([0, *numbers], numbers, strict=False))
