"""What the constants of a graph are for, and how they are stored."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from agent.onnx.graph import BITS, Graph, Node, Tensor

# The same words as in `agent.shape`.
Role = Literal["matrix", "output", "table", "tied", "experts", "vector"]

_PASS_ON = {"Reshape", "Transpose", "Identity", "Cast", "Unsqueeze", "Squeeze"}  # the data of their first input
_MULTIPLY = {"MatMul": 1, "FusedMatMul": 1, "Gemm": 1, "MatMulInteger": 1, "MatMulIntegerToFloat": 1,
             "DynamicQuantizeMatMul": 1, "QLinearMatMul": 3, "QGemm": 3, "Conv": 1}  # fmt: skip
_EXPERTS = {"MoE": (2, 4, 6), "QMoE": (2, 5, 8)}  # inputs of the two or three matrices of all experts
_ANGLES = re.compile(r"(cos|sin)_cache|inv_freq")
_ROLES: tuple[Role, ...] = ("experts", "output", "table", "matrix")
_NAMES = {"f32": "fp32", "f16": "fp16", "f64": "fp64"}
_NOTABLE = 0.1  # of the weights inside the layers, from which on other types among them are worth a word


@dataclass(frozen=True, slots=True)
class Weight:
    """A tensor with what belongs to it: scales and zero points.

    Attributes:
        name: of the tensor.
        role: how it is used.
        type: `int4/32` for 4 bits in blocks of 32 elements, `int8` where a whole row or more is one block; else the
            type of its elements, such as `f16`.
        bytes: of all that belongs to it.
        elements: of the tensor, unpacked.
        rows: elements of what a multiplication gives, or rows of a table.
        columns: elements of what is multiplied.
        user: name of the operation that uses it.
    """

    name: str
    role: Role
    type: str
    bytes: int
    elements: int
    rows: int
    columns: int
    user: str


@dataclass(slots=True)
class _Use:
    """How one tensor is used, by one operation or several."""

    tensor: Tensor
    roles: set[Role] = field(default_factory=set)
    type: str = ""
    beside: dict[object, int] = field(default_factory=dict)  # bytes of scales and zero points
    elements: int = 0
    rows: int = 1
    columns: int = 1
    user: str = ""


def read_weights(graph: Graph) -> tuple[Weight, ...]:
    """Return all weights, each once, even where two names mean the same data."""
    sources = dict(_sources(graph))
    uses: dict[object, _Use] = {}
    angles = _inputs(graph, {"GroupQueryAttention", "RotaryEmbedding"})
    for node in graph.nodes:
        for use in _uses(node, graph, sources):
            known = uses.setdefault(_place(use.tensor), use)
            known.roles |= use.roles
            known.beside |= use.beside
            known.type = known.type or use.type
    beside = {place for use in uses.values() for place in use.beside}
    rest: dict[object, Tensor] = {}
    for tensor in graph.tensors.values():
        if _place(tensor) not in uses and _place(tensor) not in beside:
            rest.setdefault(_place(tensor), tensor)
    found = [_weight(use) for use in uses.values()]
    return (*found, *(_other(tensor, angles) for tensor in rest.values()))


def quantization_of(weights: tuple[Weight, ...]) -> str:
    """Return what people call the type of most weights in matrices: `int4`, `int8`, `fp16`, `fp32`.

    It is `int4 mixed` where the layers hold matrices of more bits too, as the algorithm `k_quant_mixed` makes them.
    """
    all_of = _elements(weight for weight in weights if weight.role not in {"vector", "table"})
    inside = _elements(weight for weight in weights if weight.role in {"matrix", "experts"})
    most = max(all_of, key=lambda kind: all_of[kind], default="")
    others = sum(inside.values()) - inside.get(most, 0)
    return "int4 mixed" if most == "int4" and others > _NOTABLE * sum(inside.values()) else most


def _elements(weights: Iterable[Weight]) -> dict[str, int]:
    """Return how many elements each type has."""
    found: dict[str, int] = defaultdict(int)
    for weight in weights:
        kind = weight.type.partition("/")[0]
        found[_NAMES.get(kind, kind)] += weight.elements
    return found


def _place(tensor: Tensor) -> object:
    return tensor.external or tensor.name


def _sources(graph: Graph) -> Iterator[tuple[str, Node | str]]:
    """Yield by name what only passes on another tensor, and what unpacks a quantized one."""
    for node in graph.nodes:
        if node.outputs and node.inputs:
            if node.operator in _PASS_ON:
                yield node.outputs[0], node.inputs[0]
            elif node.operator == "DequantizeLinear":
                yield node.outputs[0], node


def _uses(node: Node, graph: Graph, sources: dict[str, Node | str]) -> Iterator[_Use]:
    inputs = node.inputs
    if node.operator == "MatMulNBits" and len(inputs) > 2 and (tensor := graph.tensors.get(inputs[1])):  # noqa: PLR2004 - data and scales
        rows, columns = node.number("N", 1), node.number("K", 1)
        kind = f"int{node.number('bits', 4)}/{node.number('block_size', 32)}"
        role: Role = "output" if _gives_logits(node, graph) else "matrix"
        beside = _beside(graph, inputs[2:4])
        yield _Use(tensor, {role}, kind, beside, rows * columns, rows, columns, node.name)
    elif node.operator == "GatherBlockQuantized" and len(inputs) > 2:  # noqa: PLR2004 - data and scales
        yield from _quantized_table(node, graph, sources)
    elif node.operator == "Gather" and inputs:
        yield from _plain(inputs[0], "table", node, graph, sources)
    elif node.operator in _EXPERTS:
        yield from _experts(node, graph)
    elif (index := _MULTIPLY.get(node.operator, len(inputs))) < len(inputs):
        role = "output" if _gives_logits(node, graph) else "matrix"
        yield from _plain(inputs[index], role, node, graph, sources)


def _quantized_table(node: Node, graph: Graph, sources: dict[str, Node | str]) -> Iterator[_Use]:
    tensor, _ = _resolve(node.inputs[0], graph, sources)
    if tensor is not None:
        bits = node.number("bits", 4)
        elements = tensor.elements * (8 // bits if tensor.type == "u8" and bits in {2, 4} else 1)
        rows = max(1, tensor.shape[0]) if tensor.shape else 1
        kind = f"int{bits}/{node.number('block_size', 128)}"
        beside = _beside(graph, node.inputs[2:4])
        yield _Use(tensor, {"table"}, kind, beside, elements, rows, elements // rows, node.name)


def _experts(node: Node, graph: Graph) -> Iterator[_Use]:
    bits = node.number("expert_weight_bits", 4)
    for index in _EXPERTS[node.operator]:
        tensor = graph.tensors.get(node.inputs[index]) if index < len(node.inputs) else None
        if tensor is None or len(tensor.shape) != 3:  # noqa: PLR2004 - experts, rows, columns
            continue
        packed = node.operator == "QMoE"
        elements = tensor.elements * (8 // bits if packed and bits in {2, 4} else 1)
        block = node.number("block_size", 0)
        kind = f"int{bits}" + (f"/{block}" if block > 0 else "") if packed else tensor.type
        beside = _beside(graph, node.inputs[index + 1 : index + 2]) if packed else {}
        columns = elements // max(1, tensor.shape[0] * tensor.shape[1])
        yield _Use(tensor, {"experts"}, kind, beside, elements, tensor.shape[1], columns, node.name)


def _plain(name: str, role: Role, node: Node, graph: Graph, sources: dict[str, Node | str]) -> Iterator[_Use]:
    """Yield the use of a tensor with two dimensions, be it unpacked on the way."""
    tensor, unpacked = _resolve(name, graph, sources)
    if tensor is None or len(tensor.shape) < 2 or min(tensor.shape) < 2:  # noqa: PLR2004 - a matrix
        return
    kind, beside = tensor.type, {}
    if unpacked is not None:
        block = unpacked.number("block_size", 0)
        kind = f"int{BITS[tensor.type]}" + (f"/{block}" if block else "")
        beside = _beside(graph, unpacked.inputs[1:3])
    elif kind in {"i8", "u8"}:
        kind = "int8"
        beside = _beside(graph, node.inputs[2:])
    columns, rows = tensor.shape[-2], tensor.shape[-1]
    if role == "table":
        columns, rows = rows, columns
    yield _Use(tensor, {role}, kind, beside, tensor.elements, rows, columns, node.name)


def _resolve(name: str, graph: Graph, sources: dict[str, Node | str]) -> tuple[Tensor | None, Node | None]:
    """Return the constant behind a name, and what unpacks it on the way."""
    unpacked = None
    for _ in range(8):
        if name in graph.tensors:
            return graph.tensors[name], unpacked
        source = sources.get(name)
        if source is None:
            break
        if isinstance(source, Node):
            unpacked, name = source, source.inputs[0]
        else:
            name = source
    return None, None


def _beside(graph: Graph, names: tuple[str, ...]) -> dict[object, int]:
    tensors = [graph.tensors[name] for name in names if name in graph.tensors]
    return {_place(tensor): tensor.bytes for tensor in tensors}


def _gives_logits(node: Node, graph: Graph) -> bool:
    return "lm_head" in node.name or bool({value.name for value in graph.outputs} & set(node.outputs))


def _inputs(graph: Graph, operators: set[str]) -> set[str]:
    return {name for node in graph.nodes if node.operator in operators for name in node.inputs}


def _weight(use: _Use) -> Weight:
    size = use.tensor.bytes + sum(use.beside.values())
    return Weight(use.tensor.name, _role(use.roles), use.type, size, use.elements, use.rows, use.columns, use.user)


def _role(roles: set[Role]) -> Role:
    if "table" in roles and len(roles) > 1:
        return "tied"
    return next(role for role in _ROLES if role in roles)


def _other(tensor: Tensor, angles: set[str]) -> Weight:
    """Return a tensor that no matrix multiplication takes; what follows from the place in the text is no weight."""
    learned = tensor.type.startswith(("f", "bf")) and tensor.name not in angles and not _ANGLES.search(tensor.name)
    rows = tensor.shape[-1] if tensor.shape else 1
    elements = tensor.elements if learned else 0
    return Weight(tensor.name, "vector", tensor.type, tensor.bytes, elements, rows, 1, "")
