"""A BERT encoder of 60 kB in the layout of sentence-transformers, the same each time."""

import hashlib
import json
import string
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.embeddings.encoder import WEIGHTS
from agent.models.embedder import EMBEDDINGS, NAME, describe
from agent.models.files import FetchedFile, SourceFile
from agent.models.installed import write_model

HIDDEN, INNER, LAYERS, HEADS, POSITIONS, LIMIT = 32, 64, 2, 4, 32, 16
MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORDS = [*MARKS, *string.ascii_lowercase, *(f"##{letter}" for letter in string.ascii_lowercase), "the", "cat", "dog"]
CONFIG = {
    "model_type": "bert",
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_attention_heads": HEADS,
    "num_hidden_layers": LAYERS,
    "max_position_embeddings": POSITIONS,
    "vocab_size": len(WORDS),
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
    "hidden_act": "gelu",
}


def shapes() -> dict[str, tuple[int, ...]]:
    """Return the tensors by name."""
    found: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(WORDS), HIDDEN),
        "embeddings.position_embeddings.weight": (POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": (2, HIDDEN),
        "embeddings.LayerNorm.weight": (HIDDEN,),
        "embeddings.LayerNorm.bias": (HIDDEN,),
    }
    square = (HIDDEN, HIDDEN)
    for layer in range(LAYERS):
        matrices = {f"attention.self.{name}": square for name in ("query", "key", "value")}
        matrices |= {"attention.output.dense": square}
        matrices |= {"intermediate.dense": (INNER, HIDDEN), "output.dense": (HIDDEN, INNER)}
        for name, shape in matrices.items():
            found[f"encoder.layer.{layer}.{name}.weight"] = shape
            found[f"encoder.layer.{layer}.{name}.bias"] = shape[:1]
        for name in ("attention.output", "output"):
            found[f"encoder.layer.{layer}.{name}.LayerNorm.weight"] = (HIDDEN,)
            found[f"encoder.layer.{layer}.{name}.LayerNorm.bias"] = (HIDDEN,)
    return found


def weights() -> dict[str, npt.NDArray[np.float32]]:
    """Return numbers that look random, and are the same everywhere."""
    found = {}
    for index, (name, shape) in enumerate(shapes().items()):
        values = np.sin(np.arange(np.prod(shape), dtype=np.float64) * (1.7 + index) + index).reshape(shape)
        found[name] = (values * 0.4 + ("LayerNorm.weight" in name)).astype(np.float32)
    return found


def write_safetensors(path: Path, tensors: Mapping[str, npt.NDArray[np.float32]]) -> None:
    header, data = {}, b""
    for name, values in tensors.items():
        end = len(data) + values.nbytes
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [len(data), end]}
        data += values.tobytes()
    encoded = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    encoded += b" " * (-len(encoded) % 8)
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + data)


def tokenizer() -> dict[str, object]:
    special = {name: {"id": name, "ids": [WORDS.index(name)], "tokens": [name]} for name in ("[CLS]", "[SEP]")}
    marks = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    single = [*marks, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]
    flags = {"special": True, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {
        "version": "1.0",
        "truncation": {"max_length": 8, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
        "padding": None,
        "added_tokens": [{"id": index, "content": name, **flags} for index, name in enumerate(MARKS)],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing", "single": single, "pair": single, "special_tokens": special},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {name: index for index, name in enumerate(WORDS)},
        },
    }


def write_encoder(folder: Path) -> Path:
    """Write all files and return the folder."""
    (folder / "1_Pooling").mkdir(parents=True)
    write_safetensors(folder / "model.safetensors", weights())
    kinds = [f"sentence_transformers.models.{name}" for name in ("Transformer", "Pooling", "Normalize")]
    files = {
        "config.json": CONFIG,
        "tokenizer.json": tokenizer(),
        "sentence_bert_config.json": {"max_seq_length": LIMIT, "do_lower_case": False},
        "1_Pooling/config.json": {"word_embedding_dimension": HIDDEN, "pooling_mode_mean_tokens": True},
        "modules.json": [{"idx": index, "path": "", "type": kind} for index, kind in enumerate(kinds)],
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    return folder


def install(state: Path) -> None:
    """Put the model where the daemon with this state directory finds it."""
    folder = write_encoder(state / "models" / NAME)
    names = sorted(path for path in folder.rglob("*") if path.is_file())
    files = [FetchedFile(path, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()) for path in names]
    source = SourceFile(EMBEDDINGS, NAME, WEIGHTS, "")
    write_model(folder, describe(source, folder, files, "2026-01-01T00:00:00+00:00"))
