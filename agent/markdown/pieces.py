"""The pieces in which a growing answer is committed: outermost blocks, items of outermost lists, rows of tables."""

from dataclasses import dataclass

from markdown_it.token import Token

_LISTS = ("bullet_list_open", "ordered_list_open")


@dataclass(frozen=True)
class Piece:
    """A block, an item in a list of its own, the head of a table, or a row in a table of its own.

    Attributes:
        line: at which it begins in the text.
        number: of an item in a numbered list.
        index: of an item in its list, or of a row in its table, where the head is the first; more than 0 means that
            it goes on with the block of the piece before it.
    """

    tokens: list[Token]
    line: int
    number: int | None = None
    index: int = 0

    @property
    def is_row(self) -> bool:
        """Whether it is the head or a row of a table that is committed row by row."""
        return "framed" in self.tokens[0].meta

    @property
    def part(self) -> str:
        """Tag of an item or row; empty for what is neither."""
        return "tr" if self.is_row else "li" if self.tokens[0].type in _LISTS else ""

    @property
    def end(self) -> str:
        """Before which, where it comes last in the HTML, further items or rows belong; empty as above."""
        return "</tbody>" if self.is_row else f"</{self.tokens[0].tag}>" if self.part else ""

    @property
    def marker(self) -> str:
        """What an item of the same list begins with; empty for what is no item."""
        item = self.tokens[1] if self.tokens[0].type in _LISTS else None
        return f"{'1' if item.info else ''}{item.markup}" if item else ""


def pieces(tokens: list[Token]) -> list[Piece]:
    """Return the pieces of a text, in order."""
    found = list[Piece]()
    begin = 0
    for end, token in enumerate(tokens, 1):
        if token.level == 0 and token.nesting <= 0:
            block = tokens[begin:end]
            found += _parts(block)
            begin = end
    return found


def _parts(block: list[Token]) -> list[Piece]:
    if block[0].type in _LISTS:
        return _items(block)
    return _rows(block) if "framed" in block[0].meta else [Piece(block, _line(block[0]))]


def _rows(block: list[Token]) -> list[Piece]:
    body = next(at for at, token in enumerate(block) if token.type == "tbody_open")
    found = [Piece([*block[: body + 1], *block[-2:]], _line(block[0]))]
    begin = body + 1
    for end, token in enumerate(block[begin:], begin + 1):
        if token.type == "tr_close":
            row = [block[0], block[body], *block[begin:end], *block[-2:]]
            found.append(Piece(row, _line(block[begin]), index=len(found)))
            begin = end
    return found


def _items(block: list[Token]) -> list[Piece]:
    first, last = block[0], block[-1]
    number = int(first.attrs.get("start", 1)) if first.tag == "ol" else None
    found = list[Piece]()
    begin = 1
    for end, token in enumerate(block[1:-1], 2):
        if token.type == "list_item_close" and token.level == 1:
            own = None if number is None else number + len(found)
            found.append(Piece([_numbered(first, own), *block[begin:end], last], _line(block[begin]), own, len(found)))
            begin = end
    return found


def _numbered(token: Token, number: int | None) -> Token:
    attrs = {name: value for name, value in token.attrs.items() if name != "start"}
    return token.copy(attrs=attrs if number is None or number == 1 else {"start": number, **attrs})


def _line(token: Token) -> int:
    return token.map[0] if token.map else 0
