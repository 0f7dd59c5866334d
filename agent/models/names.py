"""Names of models and of their files: always one safe path segment."""

import re

from agent.errors import ModelError
from agent.phrase import Phrase

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_SUFFIX = ".gguf"
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,149}")
_DEEPEST = 4


def model_name(filename: str) -> str:
    """Return the name under which a file is installed: `SmolLM2-135M.Q4_1.gguf` -> `smollm2-135m-q4_1`."""
    stem = filename.lower().removesuffix(_SUFFIX)
    # A dot stays only where it is part of a number, as in qwen2.5.
    dashed = re.sub(r"(?<!\d)\.|\.(?!\d)|[^a-z0-9._-]", "-", stem)
    return re.sub(r"-{2,}", "-", dashed).strip("-._")[:100] or "model"


def safe_filename(filename: str) -> str:
    """Return `filename` as a harmless path segment that ends in `.gguf`."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", filename.removesuffix(_SUFFIX)).strip("-.")
    return (stem[:150] or "model") + _SUFFIX


def is_safe_path(path: str) -> bool:
    """Tell whether a relative path of a file can be kept as it is: short segments that are harmless everywhere."""
    segments = path.split("/")
    return len(segments) <= _DEEPEST and all(_SEGMENT.fullmatch(segment) for segment in segments)


def check_name(name: str) -> str:
    """Return `name`, or raise ModelError when it cannot be the name of a model."""
    if not _NAME.fullmatch(name):
        raise ModelError(
            Phrase("errors.model_name", "{name!r} cannot be the name of a model.", name=name),
            hint=Phrase(
                "errors.model_name_hint",
                "Use lower-case letters, digits, '.', '_' and '-', and begin with a letter or digit.",
            ),
        )
    return name
