"""Model files that crash the library which computes them, although nothing in them breaks a rule that we check."""

import shutil
from pathlib import Path

from tests.onnx_files import I64, node, piece, tensor
from tests.selecting import small_model

_GRAPH = 7  # number of that field in an ONNX file
_BYTES = 2  # kind of a field that holds a text, bytes or a message


def crashing_gguf(folder: Path, _: Path) -> Path:
    """Write a file of an architecture for which llama.cpp, asked to make room for text, fails an assertion."""
    path = small_model(folder / "bad.gguf")
    path.write_bytes(path.read_bytes().replace(b"llama", b"llada"))
    return path


def crashing_onnx(folder: Path, zoo: Path) -> Path:
    """Write a model with a division that x86 processors cannot do; ONNX Runtime tries it while it loads."""
    copy = Path(shutil.copytree(zoo / "llama-int8", folder / "bad"))
    graph = copy / "model.onnx"
    least, minus_one = (-(2**63)).to_bytes(8, "little", signed=True), (-1).to_bytes(8, "little", signed=True)
    division = piece(1, node("Div", ["least", "minus_one"], ["quotient"], name="division"))
    numbers = piece(5, tensor("least", (1,), I64, least)) + piece(5, tensor("minus_one", (1,), I64, minus_one))
    graph.write_bytes(_add_to_graph(graph.read_bytes(), division + numbers))
    return copy


def _add_to_graph(model: bytes, more: bytes) -> bytes:
    at = 0
    while at < len(model):
        begin = at
        tag, at = _varint(model, at)
        value, at = _varint(model, at)
        if tag & 7 != _BYTES:
            continue
        if tag >> 3 == _GRAPH:
            return model[:begin] + piece(_GRAPH, model[at : at + value] + more) + model[at + value :]
        at += value
    raise AssertionError("there is no graph in it")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at
