"""What people call a model of which nothing is known but its file."""

import re

from agent.gguf.header import Header

_LONGEST = 60  # characters
_SAYS_NOTHING = {"", "model", "models", "hub", "output"}  # names of folders that a converter took for that of the model
_SIZE = re.compile(r"\d+(\.\d+)?[bmk]|\d+x\d+(\.\d+)?b")
_SEPARATORS = re.compile(r"[-_\s]+")


def title_of(header: Header, stem: str) -> str:
    """Return a title from what the header says, or from the name of the file without its ending.

    A header has the name of the model, or the parts of one: `basename`, `finetune` and `size_label`
    (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, "General metadata").
    """
    own, *parts = (
        str(header.metadata.get(f"general.{key}", "")) for key in ("name", "basename", "finetune", "size_label")
    )
    for name in (own, " ".join(parts)):
        if _plain(name).lower() not in _SAYS_NOTHING:
            return readable(name)
    shorter = re.sub(rf"[-_. ]{re.escape(header.quantization)}$", "", stem, flags=re.IGNORECASE)
    return readable(shorter) or stem


def readable(name: str) -> str:
    """Return a name in words; one that is written like that of a file is taken apart: `qwen3-0.6b` is Qwen3 0.6B."""
    name = _plain(name)
    if " " not in name:
        name = " ".join(_word(word) for word in _SEPARATORS.split(name) if word)
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1].rstrip()}…"


def _word(word: str) -> str:
    return word[:-1] + word[-1].upper() if _SIZE.fullmatch(word) else word[0].upper() + word[1:]


def _plain(name: str) -> str:
    """Return a name in one line, without characters that cannot be seen."""
    return " ".join("".join(letter for letter in name if letter.isprintable() or letter.isspace()).split())
