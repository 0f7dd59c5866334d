"""Ways to spoil the folder of an ONNX model, each in one thing."""

import shutil
import struct
from pathlib import Path

_NOT_A_NUMBER = struct.pack("<f", float("nan"))


def not_numbers(folder: Path) -> None:
    """Make all weights NaN."""
    data = folder / "model.onnx.data"
    data.write_bytes(_NOT_A_NUMBER * (data.stat().st_size // 4))


def cut_data(folder: Path) -> None:
    """Leave the second half of the weights away."""
    data = folder / "model.onnx.data"
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])


def cut_graph(folder: Path) -> None:
    """Leave the last third of the graph away."""
    graph = folder / "model.onnx"
    graph.write_bytes(graph.read_bytes()[: graph.stat().st_size * 2 // 3])


def unknown_operator(folder: Path) -> None:
    """Misspell an operator."""
    graph = folder / "model.onnx"
    graph.write_bytes(
        graph.read_bytes().replace(b"SkipSimplifiedLayerNormalization", b"SkipSimplifiedLayerNormalisation")
    )


def other_shape(folder: Path) -> None:
    """Let attention reckon with other heads than the caches have."""
    graph = folder / "model.onnx"
    graph.write_bytes(graph.read_bytes().replace(b"\x0ckv_num_heads\x18\x02", b"\x0ckv_num_heads\x18\x04"))


def no_tokenizer(folder: Path) -> None:
    """Put something else in the place of the tokenizer."""
    (folder / "tokenizer.json").write_text("[]")


def copy(folder: Path, target: Path) -> Path:
    """Return a copy of a model's folder."""
    shutil.copytree(folder, target)
    return target
