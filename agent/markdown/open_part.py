"""The part of a growing answer that can still change, and what of it no longer can."""

import re
from dataclasses import dataclass

from agent.markdown.parser import parse_blocks, parse_lines
from agent.markdown.pieces import Piece, pieces
from agent.markdown.verbatim import growing

_SMALL = 1024  # characters that may be parsed at any time
_GROWTH = 8  # more are parsed when this part of them is new: n characters cost O(n)
_INDENT = re.compile(r"[ \t]*")


@dataclass(frozen=True)
class Parsed:
    """What has been found.

    Attributes:
        final: pieces that do not change whatever follows.
        open: the last piece, unless it is final too.
        text: to which the lines of the tokens refer.
    """

    final: list[Piece]
    open: Piece | None
    text: str


class OpenPart:
    """Text that is not committed.

    Only the last block can change, or the last item of a list: a block ends because of the line that begins the next
    one, and CommonMark never looks further. When items of a list have been committed, what remains is parsed after an
    empty item in their place, for the same line can mean something else at the beginning of a text.
    """

    def __init__(self) -> None:
        self._text = ""
        self._new: list[str] = []
        self._grown = 0
        self._item = ""  # line of the empty item
        self._number: int | None = None  # of the first item after it
        self._ranks: tuple[int, ...] = ()  # of the headings above

    def add(self, text: str) -> None:
        """Take more text."""
        self._new.append(text)
        self._grown += len(text)

    @property
    def due(self) -> bool:
        """Whether enough is new that the whole part may be parsed again."""
        return self._grown * _GROWTH >= len(self._text) + self._grown - _SMALL

    def advance(self, held: int) -> Parsed:
        """Parse all but the last `held` characters, and drop what is final.

        What is parsed must end with complete lines, or with one whose block is decided (see `agent.markdown.lines`).
        """
        text, held_text = self._take(held)
        found = self._pieces(text)
        closed = bool(found) and _is_closed(found[-1], text)
        count = len(found) if closed else max(len(found) - 1, 0)
        rest = found[count] if count < len(found) else None
        if count:
            self._text = (text.split("\n", rest.line)[-1] if rest else "") + held_text
            self._follow(found[:count], rest)
        return Parsed(found[:count], rest, text)

    def finish(self) -> list[Piece]:
        """Parse everything; nothing follows."""
        text, _ = self._take(0)
        self._text = ""
        return self._pieces(text)

    def _take(self, held: int) -> tuple[str, str]:
        self._text += "".join(self._new)
        self._new.clear()
        self._grown = 0
        end = len(self._text) - held
        return self._item + self._text[:end], self._text[end:]

    def _pieces(self, text: str) -> list[Piece]:
        tokens = parse_blocks(text)
        if self._item:
            del tokens[1:3]  # beginning and end of the empty item
        if self._number is not None:
            tokens[0].attrs["start"] = self._number
        parse_lines(tokens, self._ranks)
        return pieces(tokens)

    def _follow(self, final: list[Piece], piece: Piece | None) -> None:
        """Remember what a piece follows: which headings, and which list if it is a later item of one."""
        headings = (token.meta for done in final for token in done.tokens if "ranks" in token.meta)
        self._ranks = next((meta["ranks"] for meta in reversed(list(headings))), self._ranks)
        later = piece if piece and piece.index else None
        indent = _INDENT.match(self._text)
        self._item = f"{indent[0] if indent else ''}{later.marker}\n" if later else ""
        self._number = later.number if later else None


def _is_closed(piece: Piece, text: str) -> bool:
    return piece.tokens[0].type == "fence" and growing(piece.tokens, text) is None
