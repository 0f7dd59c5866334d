"""A folder is used only when it is a model that can be run, and all of it is there."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from agent.embeddings.encoder import read_encoder
from agent.embeddings.model import Model
from agent.errors import ModelFileError
from tests.embeddings.tiny_encoder import CONFIG, LIMIT, POSITIONS, tokenizer, weights, write_safetensors


@pytest.fixture
def folder(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


def put(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))


def test_the_shorter_of_two_limits_counts(folder: Path) -> None:
    assert read_encoder(folder).limit == LIMIT
    (folder / "sentence_bert_config.json").unlink()
    assert read_encoder(folder).limit == POSITIONS


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_each_file_that_is_missing_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelFileError, match=name):
        read_encoder(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "roberta"},
        {"hidden_act": "relu"},
        {"position_embedding_type": "relative_key"},
        {"is_decoder": True},
        {"hidden_size": 2**31},
        {"num_hidden_layers": 0},
        {"num_attention_heads": 5},
        {"vocab_size": "many"},
    ],
)
def test_a_network_of_another_kind_is_refused(folder: Path, change: Mapping[str, object]) -> None:
    put(folder / "config.json", {**CONFIG, **change})
    with pytest.raises(ModelFileError, match=next(iter(change))):
        read_encoder(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("1_Pooling/config.json", {"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}),
        ("modules.json", [{"type": "sentence_transformers.models.Dense"}]),
        ("sentence_bert_config.json", {"max_seq_length": 2}),
        ("config.json", []),
    ],
)
def test_what_would_give_wrong_vectors_is_refused(folder: Path, name: str, content: object) -> None:
    put(folder / name, content)
    with pytest.raises(ModelFileError, match=Path(name).name):
        read_encoder(folder)


@pytest.mark.parametrize("name", ["embeddings.word_embeddings.weight", "encoder.layer.1.output.dense.bias"])
def test_weights_that_are_missing_or_of_another_shape_are_refused(folder: Path, name: str) -> None:
    for wrong in ({}, {name: np.zeros((3, 3), np.float32)}):
        others = {key: values for key, values in weights().items() if key != name}
        write_safetensors(folder / "model.safetensors", {**others, **wrong})
        with pytest.raises(ModelFileError, match=name):
            read_encoder(folder).graph()


@pytest.mark.parametrize("vocabulary", [{"a": 10**6}, {"a": -1}])
def test_a_tokenizer_with_tokens_that_the_model_lacks_is_refused(folder: Path, vocabulary: dict[str, int]) -> None:
    made = tokenizer()
    put(folder / "tokenizer.json", {**made, "model": {"type": "WordPiece", "vocab": vocabulary}})
    with pytest.raises(ModelFileError, match=r"tokenizer\.json"):
        read_encoder(folder).require_tokenizer()


def test_a_tokenizer_without_marks_is_refused(folder: Path) -> None:
    put(folder / "tokenizer.json", {**tokenizer(), "post_processor": None})
    with pytest.raises(ModelFileError, match="CLS"):
        Model(read_encoder(folder), threads=1)
