"""What can be shown of code and formulas while they grow: everything but the line that may end them."""

import re
from dataclasses import dataclass
from typing import Protocol

from markdown_it.token import Token

from agent.markdown.formulas import CLOSING
from agent.markdown.lines import decided

_LINES = re.compile(r"[^\n]*\n|[^\n]+")


class Verbatim(Protocol):
    """A block whose text is shown as it comes.

    Attributes:
        ended: whether it may have ended, so that the text has to be parsed.
        line: the last line so far.
    """

    ended: bool
    line: str

    def push(self, text: str) -> str:
        """Take more text, and return what of it is to be shown. After the end nothing is."""


@dataclass
class Fenced:
    """Code after a fence.

    Attributes:
        fence: what ends it: this character, so many times or more.
        indent: columns before the fence, which are no part of the code.
        nested: in an item of a list, which may end before the code does.
        shown: whether the beginning of the line is; else `line` is that beginning.
    """

    fence: str
    indent: int
    nested: bool
    shown: bool
    ended: bool = False
    line: str = ""

    def push(self, text: str) -> str:
        """See `Verbatim`."""
        return "".join(self._push(part) for part in _LINES.findall(text))

    def _push(self, part: str) -> str:
        complete = part.endswith("\n")
        if self.shown:
            self.shown = not complete
            return part
        self.line = part if self.line.endswith("\n") else self.line + part
        self.ended = self._ends(complete=complete)
        if self.ended or not (complete or self._is_code()):
            return ""
        code, self.line, self.shown = self._outdented(), "", not complete
        return code

    def _ends(self, *, complete: bool) -> bool:
        if self._leaves():
            return complete or decided(self.line)  # parsing tells whether it is code with a smaller indent
        stripped = self.line.strip()
        return complete and len(stripped) >= len(self.fence) and not stripped.strip(self.fence[0])

    def _is_code(self) -> bool:
        """Whether this line, as far as it goes, is more than an indent or perhaps the end."""
        return bool(self.line.strip().strip(self.fence[0])) and not self._leaves()

    def _leaves(self) -> bool:
        return self.nested and bool(self.line.strip()) and _columns(self.line) < self.indent

    def _outdented(self) -> str:
        """Return the line without the indent of the fence, of which it may have less."""
        rest = self.line.lstrip(" \t")
        return " " * max(_columns(self.line) - self.indent, 0) + rest if rest != "\n" else rest


@dataclass
class Formula:
    """A formula on lines of its own; `closing` ends it, or an empty line."""

    closing: str
    line: str
    ended: bool = False

    def push(self, text: str) -> str:
        """See `Verbatim`."""
        for part in _LINES.findall(text):
            self.line = part if self.line.endswith("\n") else self.line + part
            if part.endswith("\n") and (self.closing in self.line or not self.line.strip()):
                self.ended = True
        return text


def growing(block: list[Token], text: str) -> Verbatim | None:
    """Return how the last block of a text goes on, if that is code or a formula that has not ended."""
    leaf = next(token for token in reversed(block) if token.nesting >= 0)
    lines = text.split("\n")
    first, end = leaf.map or (0, 0)
    if end < len(lines) - (not lines[-1]) or any(token.type == "blockquote_open" for token in block):
        return None
    if leaf.type == "formula_block" and not leaf.meta["closed"]:
        return Formula(CLOSING[leaf.markup[:2]], line=lines[-1] or "\n")
    if leaf.type == "fence":
        nested, indent = len(block) > 1, lines[first].expandtabs(4).index(leaf.markup)
        closed = end > first + 1 and _closes(lines[end - 1], leaf.markup, indent if nested else 0)
        return None if closed else Fenced(leaf.markup, indent, nested, shown=not text.endswith("\n"))
    return None


def _closes(line: str, fence: str, indent: int) -> bool:
    stripped = line.strip(" \t")
    return stripped.startswith(fence) and not stripped.strip(fence[0]) and _columns(line) < indent + 4


def _columns(line: str) -> int:
    """Return how far a line is indented."""
    line = line.expandtabs(4)
    return len(line) - len(line.lstrip(" "))
