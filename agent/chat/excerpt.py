"""The part of a text that a search shows."""

import re
from collections.abc import Sequence
from functools import lru_cache

from agent.chat.folding import fold

_BEFORE = 50  # characters before the match
_AFTER = 110


def excerpt(text: str, words: Sequence[str]) -> tuple[str, str, str]:
    """Return a line of the text around the first of the words: what is before it, the match, what is after it.

    Words count where a word begins, and within one where none begins like that. Without any the text's beginning is
    shown, with an empty match.
    """
    folded, terms = fold(text), tuple(fold(word) for word in words)
    found = _pattern(terms, begins=True).search(folded) or _pattern(terms, begins=False).search(folded)
    start, end = found.span() if found else (0, 0)
    return _before(text[:start]), text[start:end], _after(text[end:])


@lru_cache(4)
def _pattern(terms: tuple[str, ...], *, begins: bool) -> re.Pattern[str]:
    parts = sorted({re.escape(part) for term in terms for part in re.findall(r"[^\W_]+", term)}, key=len, reverse=True)
    return re.compile((r"(?<![^\W_])" if begins else "") + f"(?:{'|'.join(parts)})")


def _before(text: str) -> str:
    near = " ".join(text[-4 * _BEFORE :].split()) + (" " if text[-1:].isspace() else "")
    if len(near) <= _BEFORE:
        return near.lstrip()
    cut = near[-_BEFORE:]
    return f"…{cut[cut.find(' ') + 1 :] if ' ' in cut.strip() else cut}"


def _after(text: str) -> str:
    near = (" " if text[:1].isspace() else "") + " ".join(text[: 4 * _AFTER].split())
    return near.rstrip() if len(near) <= _AFTER else f"{near[:_AFTER].rstrip()}…"
