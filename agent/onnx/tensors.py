"""Reads the constants of a graph: their names, types, shapes and places; never their data."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from agent.onnx.external import DataFiles
from agent.onnx.graph import BITS, ELEMENT_TYPES, Place, Tensor
from agent.onnx.wire import LENGTH, Field, WireFile

MAX_TENSORS = 1 << 16
MAX_DIMENSIONS = 8
MAX_ELEMENTS = 1 << 42

_EXTERNAL = 1  # `TensorProto.DataLocation`
_MAX_ENTRIES = 16
_TENSOR_BYTES = 256  # about what CPython needs for one, without its name
_MAX_EMPTY = 1 << 12  # elements that may be left out: placeholders of a function's parameters
_OTHER_TYPE = "Choose another file of this model."


@dataclass(slots=True)
class _Parts:
    """A tensor while it is read."""

    name: str = ""
    type: int = 0
    shape: list[int] = field(default_factory=list)
    entries: dict[str, str] = field(default_factory=dict)
    location: int = 0
    raw: int | None = None
    typed: bool = False


@dataclass(slots=True)
class TensorReader:
    """Reads the constants of one file.

    Attributes:
        wire: the file.
        files: that may hold data.
        found: all constants so far, by name.
        count: how many were read.
    """

    wire: WireFile
    files: DataFiles
    found: dict[str, Tensor] = field(default_factory=dict)
    count: int = 0

    def read(self, message: Iterator[Field], depth: int, name: str = "") -> Tensor:
        """Read one constant and keep it; `name` is for one that has none.

        Raises:
            ModelFileError: it is malformed, or its data are not where it says.
        """
        parts = _Parts(name=name)
        for entry in message:
            self._take(parts, entry, depth)
        kind, shape = self._type(parts), self._shape(parts)
        tensor = Tensor(parts.name, kind, shape, self._place(parts, kind, shape))
        self.count += 1
        self.wire.keep(_TENSOR_BYTES, "a tensor")
        if self.count > MAX_TENSORS:
            raise self.wire.error(tensor.name, f"the graph has more than {MAX_TENSORS} tensors")
        if tensor.name:
            self.found.setdefault(tensor.name, tensor)
        return tensor

    def _take(self, parts: _Parts, entry: Field, depth: int) -> None:
        what = parts.name or "a tensor"
        match entry.number:
            case 1:
                parts.shape += self.wire.numbers(entry, f"{what}.dims", limit=MAX_DIMENSIONS)
            case 2:
                parts.type = self.wire.number(entry, f"{what}.data_type")
            case 8:
                parts.name = self.wire.text(entry, "tensor.name") or parts.name
            case 9:
                parts.raw = self._length(entry, what)
            case 13:
                self._entry(parts, self.wire.message(entry, f"{what}.external_data", depth), what)
            case 14:
                parts.location = self.wire.number(entry, f"{what}.data_location")
            case 4 | 5 | 6 | 7 | 10 | 11:
                parts.typed = True

    def _length(self, entry: Field, what: str) -> int:
        if entry.kind != LENGTH:
            raise self.wire.error(what, f"{what} has a number where its data belong")
        return entry.end - entry.value

    def _entry(self, parts: _Parts, message: Iterator[Field], what: str) -> None:
        pair = {1: "", 2: ""}
        for entry in message:
            if entry.number in pair:
                pair[entry.number] = self.wire.text(entry, f"{what}.external_data")
        if pair[1] in parts.entries or len(parts.entries) >= _MAX_ENTRIES:
            raise self.wire.error(f"{what}.external_data", f"{what} names the place of its data twice")
        parts.entries[pair[1]] = pair[2]

    def _type(self, parts: _Parts) -> str:
        if parts.type not in ELEMENT_TYPES:
            problem = f"{parts.name or 'a tensor'} has the element type {parts.type}, which is not known"
            raise self.wire.error(f"{parts.name}.data_type", problem, hint=_OTHER_TYPE)
        return ELEMENT_TYPES[parts.type][0]

    def _shape(self, parts: _Parts) -> tuple[int, ...]:
        shape = tuple(parts.shape)
        if len(shape) > MAX_DIMENSIONS or any(size < 0 for size in shape) or math.prod(shape) > MAX_ELEMENTS:
            raise self.wire.error(f"{parts.name}.dims", f"{parts.name or 'a tensor'} has the impossible shape {shape}")
        return shape

    def _place(self, parts: _Parts, kind: str, shape: tuple[int, ...]) -> Place | None:
        what = parts.name or "a tensor"
        needed = -(-math.prod(shape) * BITS[kind] // 8)
        if parts.location == _EXTERNAL:
            return self.files.place(parts.entries, needed, what)
        if parts.entries:
            raise self.wire.error(f"{what}.data_location", f"{what} names another file without saying that it does")
        if parts.raw is not None and parts.raw != needed:
            raise self.wire.error(f"{what}.raw_data", f"{what} has {parts.raw} bytes of data; it needs {needed}")
        if parts.raw is None and not parts.typed and needed > _MAX_EMPTY:
            raise self.wire.error(f"{what}.raw_data", f"{what} has no data")
        return None
