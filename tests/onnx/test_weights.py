"""What the constants of a graph are for, and how many bits they take."""

from pathlib import Path

import pytest

from agent.onnx import Graph, read_graph
from agent.onnx.weights import Role, Weight, quantization_of, read_weights
from tests.onnx_files import F32, I64, U8, Outside, decoder, model, node, piece, tensor

INT8 = 3


def graph(tmp_path: Path, *parts: bytes) -> Graph:
    (tmp_path / "model.onnx.data").write_bytes(bytes(4096))
    (tmp_path / "model.onnx").write_bytes(model(b"".join(parts)))
    return read_graph(tmp_path / "model.onnx")


def weights(found: Graph) -> dict[str, Weight]:
    return {weight.name: weight for weight in read_weights(found)}


def test_every_tensor_has_its_role(tmp_path: Path) -> None:
    found = weights(graph(tmp_path, decoder()))
    roles = {name: weight.role for name, weight in found.items()}
    assert roles == {"table": "table", "q": "matrix", "down": "matrix", "head": "output", "norm": "vector"}


def test_scales_belong_to_their_matrix(tmp_path: Path) -> None:
    head = weights(graph(tmp_path, decoder()))["head"]
    assert (head.type, head.elements, head.rows, head.columns) == ("int4/16", 32 * 16, 32, 16)
    assert head.bytes == 32 * 8 + 4 * 32


def test_a_table_that_is_the_output_too_is_counted_once(tmp_path: Path) -> None:
    attributes = {"K": 16, "N": 32, "bits": 4, "block_size": 16}
    found = graph(
        tmp_path,
        piece(5, tensor("head", (32, 1, 8), U8)),
        piece(5, tensor("scales", (32, 1))),
        piece(5, tensor("shape", (2,), I64)),
        piece(1, node("Reshape", ["head", "shape"], ["flat"])),
        piece(1, node("GatherBlockQuantized", ["flat", "ids", "scales"], ["h"], domain="com.microsoft")),
        piece(1, node("MatMulNBits", ["h", "head", "scales"], ["x"], domain="com.microsoft", attributes=attributes)),
    )
    tied = weights(found)["head"]
    assert (tied.role, tied.bytes, tied.elements) == ("tied", 32 * 8 + 4 * 32, 32 * 16)


def test_two_names_of_the_same_data_are_one(tmp_path: Path) -> None:
    found = graph(
        tmp_path,
        piece(5, tensor("table", (16, 8), place=Outside())),
        piece(5, tensor("head", (16, 8), place=Outside())),
        piece(1, node("Gather", ["table", "ids"], ["h"])),
        piece(1, node("Transpose", ["head"], ["turned"])),
        piece(1, node("MatMul", ["h", "turned"], ["logits"])),
    )
    (only,) = read_weights(found)
    assert (only.role, only.bytes) == ("tied", 4 * 16 * 8)


@pytest.mark.parametrize(
    ("attributes", "kind"), [({}, "int8"), ({"block_size": 32}, "int8/32")], ids=["rows", "blocks"]
)
def test_what_is_unpacked_before_it_is_multiplied_is_quantized(
    tmp_path: Path, attributes: dict[str, int], kind: str
) -> None:
    found = graph(
        tmp_path,
        piece(5, tensor("w", (64, 32), INT8, bytes(64 * 32))),
        piece(5, tensor("scale", (32,))),
        piece(1, node("DequantizeLinear", ["w", "scale"], ["plain"], attributes=attributes)),
        piece(1, node("MatMul", ["x", "plain"], ["y"])),
    )
    (only,) = read_weights(found)
    assert (only.type, only.bytes, only.rows, only.columns) == (kind, 64 * 32 + 4 * 32, 32, 64)
    assert quantization_of((only,)) == "int8"


def test_experts_are_their_own_kind(tmp_path: Path) -> None:
    names = ["x", "router", "fc1", "scales1", "", "fc2", "scales2", ""]
    attributes = {"k": 2, "expert_weight_bits": 4}
    found = graph(
        tmp_path,
        piece(5, tensor("fc1", (4, 32, 8), U8)),
        piece(5, tensor("scales1", (4, 32))),
        piece(5, tensor("fc2", (4, 16, 16), U8)),
        piece(5, tensor("scales2", (4, 16))),
        piece(1, node("QMoE", names, ["y"], domain="com.microsoft", attributes=attributes)),
    )
    first, second = read_weights(found)
    assert (first.role, first.type, first.elements) == ("experts", "int4", 4 * 32 * 16)
    assert second.bytes == 4 * 16 * 16 + 4 * 4 * 16


def test_what_follows_from_the_place_in_the_text_is_no_parameter(tmp_path: Path) -> None:
    found = graph(tmp_path, piece(5, tensor("cos_cache", (64, 4), F32)), piece(5, tensor("ids", (4,), I64)))
    assert [(weight.role, weight.elements) for weight in read_weights(found)] == [("vector", 0), ("vector", 0)]


def test_what_people_call_it_follows_from_the_matrices(onnx_zoo: Path) -> None:
    expected = {"llama-fp16": "fp16", "llama-fp32": "fp32", "llama-int8": "int8", "phi3": "int4", "gemma3": "int4"}
    for name, quantization in expected.items():
        assert quantization_of(read_weights(read_graph(onnx_zoo / name / "model.onnx"))) == quantization


@pytest.mark.parametrize(
    ("rows_of_int8", "role", "expected"),
    [
        (0, "matrix", "int4"),
        (20, "matrix", "int4 mixed"),  # twice as many bytes for each: most bytes may be of the few
        (45, "matrix", "int4 mixed"),
        (55, "matrix", "int8"),
        (9, "matrix", "int4"),
        (45, "output", "int4"),  # the layers decide whether it is a mixture, not the head
        (45, "tied", "int4"),
    ],
)
def test_a_mixture_is_named_by_what_most_weights_are(rows_of_int8: int, role: Role, expected: str) -> None:
    def weight(role: Role, kind: str, rows: int) -> Weight:
        return Weight("w", role, kind, 0, 64 * rows, rows, 64, "")

    both = (weight("matrix", "int4/32", 100 - rows_of_int8), weight(role, "int8/32", rows_of_int8))
    assert quantization_of((*both, weight("table", "f32", 500))) == expected
