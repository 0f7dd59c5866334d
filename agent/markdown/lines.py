"""What the beginning of a line tells: which block it is in, and whether more of the line could change that."""

import re

_CONTAINERS = r"(?:[ \t]*(?:>|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t])))*+[ \t]*"
_OPEN = re.compile(_CONTAINERS + r"(?:[-+*_=:|`~#$\\ \t]*|\d{1,9}[.)]?)")
_WHOLE = re.compile(_CONTAINERS + r"(?:\||```|~~~)")
_ROW = re.compile(_CONTAINERS + r"\|")
_WORD = re.compile(r"[^-+*_=:|`~#$\\>.)\d \t]")
_LONG = 200  # characters; nobody writes so many marks before a word

_CLOSED_MARK = re.compile(
    r"(\*\*|__|~~)(?=\S).+?(?<=\S)\1"
    r"|(?<![*\w])\*(?=[^\s*]).*?[^\s*]\*(?!\*)"
    r"|(?<![_\w])_(?=[^\s_]).*?[^\s_]_(?![_\w])"
    r"|`[^`]+`|\]\([^()\s]+\)|<https?:[^>]+>"
    r"|\$\S[^$]*\$|\\\(.+?\\\)|\\\[.+?\\\]"
)


def decided(line: str) -> bool:
    """Return whether the beginning of a line tells which block the line belongs to.

    Bars, dashes and fences do not: what they are is known when the line is complete.
    """
    if _WHOLE.match(line, 0, _LONG):
        return False
    if len(line) > _LONG:
        return _WORD.search(line, len(line) - _LONG) is not None
    return _OPEN.fullmatch(line) is None


def is_row(line: str) -> bool:
    """Return whether a line looks like a row of a table."""
    return _ROW.match(line) is not None


def closes_mark(text: str) -> bool:
    """Return whether a text has a mark such as `**` twice, so that it looks different when it is parsed."""
    return _CLOSED_MARK.search(text) is not None
