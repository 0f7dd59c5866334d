"""Writes ONNX graphs: as much of onnx.proto as Edgewise needs, in the wire format of Protocol Buffers.

The numbers of the fields are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

FLOAT, UINT8, INT32, INT64, FLOAT16 = 1, 2, 6, 7, 10
CONTRIB = "com.microsoft"
_IR_VERSION = 10
_OPSETS = {"": 21, CONTRIB: 1}
_VARINT, _BYTES, _FOUR = 0, 2, 5
_EXTERNAL = 1
_IS_FLOAT, _IS_INT = 1, 2  # AttributeProto.type


@dataclass
class GraphWriter:
    """Collects nodes, and the tensors that go in and out; each method that adds a node returns its output's name."""

    name: str
    _parts: list[bytes] = field(default_factory=list)
    _count: int = 0

    def input(self, name: str, kind: int, dimensions: Sequence[str | int]) -> str:
        """Add an input."""
        self._parts.append(_message(11, _value_info(name, kind, dimensions)))
        return name

    def output(self, name: str, dimensions: Sequence[str | int], kind: int = FLOAT) -> None:
        """Make the tensor of this name an output."""
        self._parts.append(_message(12, _value_info(name, kind, dimensions)))

    def external(self, name: str, shape: Sequence[int], file: str, offset: int, length: int) -> str:
        """Add floats that lie in another file of the same folder, and are not copied."""
        place = {"location": file, "offset": str(offset), "length": str(length)}
        entries = [_message(13, _text(1, key) + _text(2, value)) for key, value in place.items()]
        dimensions = b"".join(_number(1, size) for size in shape)
        head = dimensions + _number(2, FLOAT) + _text(8, name)
        self._parts.append(_message(5, head + b"".join(entries) + _number(14, _EXTERNAL)))
        return name

    def constant(self, name: str, values: Sequence[int]) -> str:
        """Add a short list of 64-bit integers."""
        return self.tensor(name, INT64, [len(values)], struct.pack(f"<{len(values)}q", *values))

    def tensor(self, name: str, kind: int, shape: Sequence[int], data: bytes) -> str:
        """Add a constant with its data."""
        dimensions = b"".join(_number(1, size) for size in shape)
        self._parts.append(_message(5, dimensions + _number(2, kind) + _text(8, name) + _message(9, data)))
        return name

    def node(
        self,
        operator: str,
        inputs: Sequence[str],
        *,
        domain: str = "",
        result: str = "",
        more: Sequence[str] = (),
        **attributes: float,
    ) -> str:
        """Add a node; inputs that are left out are empty names. Attributes are integers or floats.

        Args:
            operator: of the node.
            inputs: names.
            domain: who defines the operator; empty for ONNX itself.
            result: name of the first output; made up where it is empty.
            more: names of further outputs.
            attributes: by name.
        """
        self._count += 1
        result = result or f"{operator}_{self._count}"
        body = b"".join(_text(1, name) for name in inputs) + b"".join(_text(2, name) for name in (result, *more))
        body += _text(3, result) + _text(4, operator)
        body += b"".join(_message(5, _attribute(name, value)) for name, value in attributes.items())
        self._parts.append(_message(1, body + _text(7, domain)))
        return result

    def model(self) -> bytes:
        """Return the whole file."""
        graph = b"".join(self._parts) + _text(2, self.name)
        opsets = [_message(8, _text(1, domain) + _number(2, version)) for domain, version in _OPSETS.items()]
        return _number(1, _IR_VERSION) + _text(2, "edgewise") + _message(7, graph) + b"".join(opsets)


def _value_info(name: str, kind: int, dimensions: Sequence[str | int]) -> bytes:
    sizes = [_message(1, _text(2, size) if isinstance(size, str) else _number(1, size)) for size in dimensions]
    tensor = _number(1, kind) + _message(2, b"".join(sizes))
    return _text(1, name) + _message(2, _message(1, tensor))


def _attribute(name: str, value: float) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, _IS_INT)
    return _text(1, name) + _key(2, _FOUR) + struct.pack("<f", value) + _number(20, _IS_FLOAT)


def _number(number: int, value: int) -> bytes:
    return _key(number, _VARINT) + _varint(value)


def _text(number: int, value: str) -> bytes:
    return _message(number, value.encode())


def _message(number: int, body: bytes) -> bytes:
    return _key(number, _BYTES) + _varint(len(body)) + body


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    """Encode seven bits in each byte, the lowest first."""
    coded = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - what seven bits hold
        coded.append(value & 0x7F | 0x80)
        value >>= 7
    coded.append(value)
    return bytes(coded)
