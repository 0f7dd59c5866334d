"""Reads the header of a safetensors file: which tensors it holds and where. Nothing it says is believed unchecked.

Format (https://github.com/huggingface/safetensors#format): eight bytes with the length of the header, the header as
JSON, the data. `data_offsets` count from the first byte of the data.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent.errors import ModelFileError

MAX_HEADER = 16 << 20  # bytes
_LENGTH = 8
_MAX_DIMENSIONS = 8
_BYTES = {8: ("F64", "I64", "U64"), 4: ("F32", "I32", "U32"), 2: ("F16", "BF16", "I16", "U16"), 1: ("I8", "U8", "BOOL")}
_SIZES = {kind: size for size, kinds in _BYTES.items() for kind in kinds}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor: `offset` and `length` are bytes, from the beginning of the file on."""

    kind: str
    shape: tuple[int, ...]
    offset: int
    length: int


class _Entry(msgspec.Struct, frozen=True):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


_header = msgspec.json.Decoder(dict[str, msgspec.Raw])
_entry = msgspec.json.Decoder(_Entry)


def read_tensors(path: Path) -> Mapping[str, Tensor]:
    """Return the tensors of a file by name.

    Raises:
        ModelFileError: the file cannot be read, is cut off, or its header lies.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH), "little")
            start = _LENGTH + length
            if length > MAX_HEADER or start > size:
                raise _wrong(path, "header", f"a header of {length} bytes in a file of {size}")
            header = _header.decode(file.read(length))
    except OSError as error:
        raise _wrong(path, "file", f"it cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _wrong(path, "header", f"its header is no JSON of tensors: {error}") from error
    header.pop("__metadata__", None)
    return {name: _tensor(path, name, raw, start, size - start) for name, raw in header.items()}


def _tensor(path: Path, name: str, raw: msgspec.Raw, start: int, data: int) -> Tensor:
    """Check one entry: known type, sizes that fit each other, and all of it inside the data."""
    try:
        entry = _entry.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _wrong(path, name, f"{name[:100]!r} is not described: {error}") from error
    begin, end = entry.data_offsets
    if not 0 <= begin <= end <= data:
        raise _wrong(path, name, f"{name[:100]!r} lies from byte {begin} to {end} of {data}")
    if len(entry.shape) > _MAX_DIMENSIONS or min(entry.shape, default=0) < 0:
        raise _wrong(path, name, f"{name[:100]!r} has an impossible shape")
    if entry.dtype not in _SIZES or math.prod(entry.shape) * _SIZES[entry.dtype] != end - begin:
        raise _wrong(path, name, f"{name[:100]!r} is {end - begin} bytes for {entry.shape} of {entry.dtype[:20]}")
    return Tensor(entry.dtype, tuple(entry.shape), start + begin, end - begin)


def _wrong(path: Path, field: str, problem: str) -> ModelFileError:
    hint = "The file is damaged or incomplete; remove the model and pull it again."
    return ModelFileError(f"{path.name}: {problem}.", field=field, hint=hint)
