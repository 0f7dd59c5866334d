"""What an ONNX file says about its model, as data (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Attribute: TypeAlias = int | float | str | tuple[int, ...]

# Element type -> name, bits (`TensorProto.DataType`); texts and complex numbers do not occur in models of language.
ELEMENT_TYPES = {
    1: ("f32", 32),
    2: ("u8", 8),
    3: ("i8", 8),
    4: ("u16", 16),
    5: ("i16", 16),
    6: ("i32", 32),
    7: ("i64", 64),
    9: ("bool", 8),
    10: ("f16", 16),
    11: ("f64", 64),
    12: ("u32", 32),
    13: ("u64", 64),
    16: ("bf16", 16),
    17: ("f8e4m3", 8),
    18: ("f8e4m3fnuz", 8),
    19: ("f8e5m2", 8),
    20: ("f8e5m2fnuz", 8),
    21: ("u4", 4),
    22: ("i4", 4),
    23: ("f4e2m1", 4),
    24: ("f8e8m0", 8),
    25: ("u2", 2),
    26: ("i2", 2),
}
BITS = dict(ELEMENT_TYPES.values())


@dataclass(frozen=True, slots=True)
class Place:
    """Where the data of a tensor lie when they are not in the graph's file.

    Attributes:
        file: relative to the folder of the graph.
        offset: bytes from the start of that file.
        length: bytes.
    """

    file: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Tensor:
    """A constant: weights, or a small number that the graph computes with.

    Attributes:
        name: as nodes call it.
        type: of its elements, such as `f32` or `u8`.
        shape: elements per dimension, the slowest varying first.
        external: where the data lie, or None when they are in the graph's file.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    external: Place | None = None

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes of the data; types of less than a byte are packed."""
        return -(-self.elements * BITS[self.type] // 8)


@dataclass(frozen=True, slots=True)
class Value:
    """What goes into a graph, or comes out of it.

    Attributes:
        name: as nodes call it.
        type: of its elements; empty where the file does not say.
        shape: elements per dimension; a name such as `batch_size`, or an empty one, where they vary.
    """

    name: str
    type: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One operation.

    Attributes:
        operator: such as `MatMul`.
        domain: who defines the operator; empty for ONNX itself.
        name: may be empty.
        inputs: names of tensors and of what other nodes give; empty where an optional one is left out.
        outputs: names.
        attributes: numbers and short texts; others are left out.
    """

    operator: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]

    def number(self, name: str, default: int) -> int:
        """Return an attribute that is a whole number."""
        value = self.attributes.get(name, default)
        return value if isinstance(value, int) else default


@dataclass(frozen=True, slots=True)
class Graph:
    """A model as one ONNX file describes it.

    Attributes:
        producer: the program that wrote the file.
        opsets: version by domain.
        inputs: of the graph, without those that only name a tensor.
        outputs: of the graph.
        nodes: all operations, those of graphs inside of others and of functions too.
        tensors: all constants, those inside of others too, by name.
        files: the files with the data of tensors, relative to the folder of the graph, and their bytes.
        bytes: of the graph's own file.
    """

    producer: str
    opsets: Mapping[str, int]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    tensors: Mapping[str, Tensor]
    files: Mapping[str, int]
    bytes: int
