"""The shape of an ONNX model: all bytes of its data, each in its role."""

from pathlib import Path

import pytest

from agent.onnx import read_folder
from agent.shape import Attention
from agent.shape.onnx import shape_of
from tests.onnx_files import decoder, model, write_genai, write_transformers_js


def test_the_twin_has_the_shape_of_the_starter(twin: Path) -> None:
    shape = shape_of(read_folder(twin))
    assert (shape.architecture, shape.layers, shape.embedding, shape.feed_forward) == ("llama", 30, 576, 1536)
    assert (shape.vocabulary, shape.training_context) == (49152, 8192)
    assert shape.attention == (Attention(30, 9, 3, 64, 64),)
    assert {(group.role, group.type) for group in shape.weights if group.role != "vector"} == {
        ("tied", "int4/32"),
        ("matrix", "int4/32"),
    }


def test_no_byte_of_the_data_is_lost(twin: Path) -> None:
    folder = read_folder(twin)
    data = (twin / "model.onnx.data").stat().st_size
    assert shape_of(folder).weight_bytes == pytest.approx(data, rel=0.001)  # the file has gaps between tensors


@pytest.mark.parametrize(("window", "kept"), [(-1, 0), (64, 64)])
def test_the_window_of_the_attention_counts(tmp_path: Path, window: int, kept: int) -> None:
    folder = write_genai(tmp_path / "tiny", model(decoder(window=window)))
    assert shape_of(read_folder(folder)).attention == (Attention(1, 2, 2, 8, 8, kept),)


def test_a_graph_that_spells_its_attention_out_has_that_of_its_configuration(tmp_path: Path) -> None:
    shape = shape_of(read_folder(write_transformers_js(tmp_path / "tiny")))
    assert shape.attention == (Attention(1, 2, 2, 8, 8),)
    assert shape.format == "onnx"


def test_rows_are_those_that_every_matrix_shares(onnx_zoo: Path) -> None:
    for path in onnx_zoo.iterdir():
        if (path / "genai_config.json").exists():
            assert all(group.rows in {1, 2, 4, 8, 16} for group in shape_of(read_folder(path)).weights)


def test_the_graph_says_how_it_keeps_keys_and_values_and_whose_logits_it_computes(twin: Path, onnx_zoo: Path) -> None:
    known = {
        path.name: shape_of(read_folder(path)) for path in (twin, onnx_zoo / "llama-fp32", onnx_zoo / "llama-fp16")
    }
    assert {name: (shape.kv_type, shape.all_logits) for name, shape in known.items()} == {
        "twin": ("f32", False),
        "llama-fp32": ("f32", True),
        "llama-fp16": ("f16", False),
    }
