"""What can be converted: a GGUF file, or a folder with safetensors, as most models are published."""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path

from agent.errors import ModelError, ModelFileError, ModelNotFoundError
from agent.gguf import read_header
from agent.models import ModelStore
from agent.models.names import model_name

_CACHE = Path("~/.cache/huggingface/hub")  # where the tools of Hugging Face keep what they download
_MAX_HEADER = 100_000_000  # bytes, the limit of safetensors itself
_QUANTIZATION = re.compile(r"[-.](i?q\d[a-z0-9_]*|b?f16|f32|fp16|fp32|mxfp4)$")
_LICENCE = re.compile(r"\A---\n(?:.*\n)*?license: *(\S+)")
_NO_SOURCE_HINT = "Give an installed GGUF model, a .gguf file, or a folder with config.json and model.safetensors."


@dataclass(frozen=True)
class Source:
    """A model that can be converted.

    Attributes:
        path: the GGUF file or the folder.
        name: of the model, without a quantization.
        parameters: number of weights.
        licence: as the model names it, or empty.
    """

    path: Path
    name: str
    parameters: int
    licence: str


def find(wanted: str, store: ModelStore) -> Source:
    """Return the model that is meant: an installed one, a path, or `hf:owner/repo` that has been downloaded.

    Raises:
        ModelNotFoundError: it is not here.
        ModelFileError: a file of it is damaged.
        ModelError: it is no model that can be converted.
    """
    for installed in store.installed():
        if wanted == installed.name and installed.format != "gguf":
            raise ModelError(f"{wanted} is an ONNX model already.", hint=_NO_SOURCE_HINT)
        if wanted in {installed.name, installed.source} and installed.format == "gguf":
            return Source(store.path(installed), _base(installed.name), installed.parameter_count, installed.licence)
    path = _downloaded(wanted) if wanted.startswith("hf:") else Path(wanted).expanduser().absolute()
    if path.is_dir():
        return _folder(path, model_name(wanted.rpartition("/")[2] if wanted.startswith("hf:") else path.name))
    if path.is_file():
        header = read_header(path)
        return Source(path, _base(model_name(path.name)), header.parameter_count, "")
    raise ModelNotFoundError(f"There is no installed model, file or folder {wanted!r}.", hint=_NO_SOURCE_HINT)


def _base(name: str) -> str:
    return _QUANTIZATION.sub("", name)


def _downloaded(reference: str) -> Path:
    """Return the newest copy of a repository that another program has downloaded."""
    repository = reference.removeprefix("hf:").replace("/", "--")
    copies = (_CACHE.expanduser() / f"models--{repository}" / "snapshots").glob("*")
    newest = max(copies, key=lambda copy: copy.stat().st_mtime, default=None)
    if newest is None:
        hint = f"download it first: `hf download {reference.removeprefix('hf:')}`, or name the folder that it is in"
        raise ModelNotFoundError(f"{reference} is not on this computer.", hint=hint)
    return newest


def _folder(path: Path, name: str) -> Source:
    weights = sorted(path.glob("*.safetensors"))
    if not (path / "config.json").is_file() or not weights:
        problem = "config.json" if weights else "safetensors file"
        raise ModelError(f"{path} has no {problem}, so it is no model that can be converted.", hint=_NO_SOURCE_HINT)
    if not any((path / file).is_file() for file in ("tokenizer.json", "tokenizer.model")):
        raise ModelError(
            f"{path} has no tokenizer.", hint="Add tokenizer.json and tokenizer_config.json from the model's own page."
        )
    readme = path / "README.md"
    licence = _LICENCE.match(readme.read_text(encoding="utf-8", errors="replace")) if readme.is_file() else None
    return Source(path, _base(name), sum(map(_count, weights)), licence[1] if licence else "")


def _count(path: Path) -> int:
    """Return the number of weights in a safetensors file: https://github.com/huggingface/safetensors#format."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            tensors = json.loads(file.read(min(length, _MAX_HEADER)))
        return sum(math.prod(tensor["shape"]) for name, tensor in tensors.items() if name != "__metadata__")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelFileError(
            f"{path.name} is no safetensors file that can be read: {error}.",
            field="header",
            hint="Download it again; a file of a few hundred bytes is only a pointer of Git LFS.",
        ) from error
