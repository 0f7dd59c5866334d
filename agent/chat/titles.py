"""Titles of conversations, made from the first message: no model is asked, slow devices have better things to do."""

import re

_READ = 4000  # characters of the message that are looked at
_LONGEST = 60  # characters of a title that we make
_LONGEST_GIVEN = 120  # of one that a person or a file gives
_SHORTEST_SENTENCE = 12  # "Hi." is no title; what follows it belongs to it
_FENCE = re.compile(r"^\s*(```|~~~)")
_LEADING_MARKS = re.compile(r"^\s*(?:#{1,6}\s+|>\s?|[-*+]\s+|\d{1,3}[.)]\s+)+")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_EMPHASIS = re.compile(r"\*+|_{2,}|`+|~~")
_SENTENCE_END = re.compile(r"[.!?](?=\s)|[。！？]")  # noqa: RUF001 - Chinese marks are meant


def title_of(text: str) -> str:
    """Return a title of at most 60 characters for a conversation that begins with `text`; empty if that says nothing.

    It is the first line that is not code, or else the first line of the code; of a long line the first sentence.
    """
    line = _first_line(text[:_READ])
    plain = " ".join(_EMPHASIS.sub("", _LINK.sub(r"\1", _LEADING_MARKS.sub("", line))).split())
    return _cut(_first_sentence(plain or " ".join(line.split())).rstrip(".。:：, "))  # noqa: RUF001 - same


def first_title(text: str, file: str) -> str:
    """Return a title for a conversation that begins with `text`, or with a file of that name; it is never empty."""
    return next((title for title in (title_of(text), file, clean_title(text)) if clean_title(title)), "…")


def clean_title(text: str) -> str:
    """Return a title from elsewhere in one line, without control characters, at most 120 characters long."""
    return " ".join("".join(c for c in text if c.isprintable() or c.isspace()).split())[:_LONGEST_GIVEN]


def _first_line(text: str) -> str:
    inside, code = False, ""
    for line in text.splitlines():
        if _FENCE.match(line):
            inside = not inside
        elif line.strip() and not inside:
            return line
        elif line.strip() and not code:
            code = line
    return code


def _first_sentence(line: str) -> str:
    for end in _SENTENCE_END.finditer(line):
        if end.end() >= _SHORTEST_SENTENCE:
            return line[: end.end()]
    return line


def _cut(line: str) -> str:
    if len(line) <= _LONGEST:
        return line
    space = line.rfind(" ", 0, _LONGEST)
    cut = line[: space if space > _LONGEST // 2 else _LONGEST - 1]  # one long word, or a language without spaces
    return f"{cut.rstrip(' ,;:，、')}…"  # noqa: RUF001 - same
