"""The part of a growing answer that can still change, and what of it no longer can."""

import re
from dataclasses import dataclass

from agent.markdown.parser import parse_blocks, parse_lines
from agent.markdown.pieces import Piece, pieces
from agent.markdown.verbatim import growing

_SMALL = 1024  # characters that may be parsed at any time
_GROWTH = 8  # more are parsed when this part of them is new: n characters cost O(n)
_EMPTY = re.compile(r"\n[ \t]*\n\Z")
_HEAD = 2  # lines of the head of a table
_INDENT = re.compile(r"[ \t]*")


@dataclass(frozen=True)
class Parsed:
    """What has been found.

    Attributes:
        final: pieces that do not change whatever follows.
        open: the last piece, unless it is final too.
        text: to which the lines of the tokens refer.
        in_table: whether the next line may be one more row.
    """

    final: list[Piece]
    open: Piece | None
    text: str
    in_table: bool


class OpenPart:
    """Text that is not committed.

    Only the last block can change, or the last item of a list: a block ends because of the line that begins the next
    one, and CommonMark never looks further. Rows of tables do not change once they are complete. When items of a list
    or rows have been committed, what remains is parsed after an empty item, or the head of the table, in their place,
    for the same line can mean something else at the beginning of a text.
    """

    def __init__(self) -> None:
        self._text = ""
        self._new: list[str] = []
        self._grown = 0
        self._above = ""  # lines of the empty item, or of the head
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
            self._follow(found[:count], rest, text)
        return Parsed(found[:count], rest, text, in_table=bool(count and self._above and not rest))

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
        return self._above + self._text[:end], self._text[end:]

    def _pieces(self, text: str) -> list[Piece]:
        tokens = parse_blocks(text)
        if self._number is not None:
            tokens[0].attrs["start"] = self._number - 1  # of the empty item
        parse_lines(tokens, self._ranks)
        return pieces(tokens)[1 if self._above else 0 :]

    def _follow(self, final: list[Piece], piece: Piece | None, text: str) -> None:
        """Remember what comes after these: which headings are above it, and which list or table it may go on with."""
        headings = (token.meta for done in final for token in done.tokens if "ranks" in token.meta)
        self._ranks = next((meta["ranks"] for meta in reversed(list(headings))), self._ranks)
        later = piece if piece and piece.index else None
        self._number = later.number if later else None
        last = piece or final[-1]
        if last.is_row and (piece is None or piece.index):
            heads = [done.line for done in final if done.is_row and not done.index]
            head = _lines(text, heads[-1], _HEAD) if heads else self._above
            self._above = "" if _EMPTY.search(text) else head
        else:
            indent = _INDENT.match(self._text)
            self._above = f"{indent[0] if indent else ''}{later.marker}\n" if later else ""


def _is_closed(piece: Piece, text: str) -> bool:
    if piece.is_row:
        return text.endswith("\n")
    return piece.tokens[0].type == "fence" and growing(piece.tokens, text) is None


def _lines(text: str, first: int, count: int) -> str:
    return "".join(f"{line}\n" for line in text.split("\n")[first : first + count])
