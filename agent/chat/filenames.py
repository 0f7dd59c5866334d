"""Names of files that people upload."""

import unicodedata
from pathlib import PurePosixPath

_LONGEST = 120  # characters
_LONGEST_ENDING = 20
_HIDDEN = ("C", "Zl", "Zp")  # control, format (those that turn the direction of text too), line separators


def safe_name(name: str) -> str:
    """Return the last part of a file's name without anything that hides or forges; `file` when nothing is left."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    visible = "".join(c for c in last if not unicodedata.category(c).startswith(_HIDDEN))
    clean = " ".join(visible.split())
    if not clean.strip("."):
        return "file"
    ending = PurePosixPath(clean).suffix
    if len(clean) <= _LONGEST or len(ending) > _LONGEST_ENDING:
        return clean[:_LONGEST]
    return clean[: _LONGEST - len(ending)] + ending
