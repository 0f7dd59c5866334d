"""The pieces in which a growing answer is committed: outermost blocks, and items of outermost lists."""

from dataclasses import dataclass

from markdown_it.token import Token

_LISTS = ("bullet_list_open", "ordered_list_open")


@dataclass(frozen=True)
class Piece:
    """A block, or an item in a list of its own.

    Attributes:
        line: at which it begins in the text.
        number: of an item in a numbered list.
        index: of an item in its list.
    """

    tokens: list[Token]
    line: int
    number: int | None = None
    index: int = 0

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
            found += _items(block) if block[0].type in _LISTS else [Piece(block, _line(block[0]))]
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
