"""How the blocks of an answer fit into a page."""

from markdown_it.rules_core import StateCore
from markdown_it.token import Token

_BOXES = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}
_ABOVE = 2  # levels of headings that the page has itself
_DEEPEST = 6


def fit(state: StateCore) -> None:
    """Put headings below those of the page, have text run in its own direction, and set items of lists."""
    for token in state.tokens:
        if token.level == 0 and token.nesting == 1:
            # Only outermost blocks: `auto` does not look into elements that have a direction themselves.
            token.attrs["dir"] = "auto"
    _rank(state.tokens, state.env.get("ranks", ()))
    _tighten(state.tokens)
    _tick(state.tokens)


def _rank(tokens: list[Token], ranks: tuple[int, ...]) -> None:
    """Have headings begin at the page's next level, and leave none out, whatever the first one of the answer is.

    Args:
        tokens: headings keep in `meta` the ranks of themselves and of those above them.
        ranks: of the headings above the first one.
    """
    for token in tokens:
        if token.type == "heading_open":
            rank = int(token.tag[1])
            ranks = (*(above for above in ranks if above < rank), rank)
            token.meta["ranks"] = ranks
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(_ABOVE + len(ranks), _DEEPEST)}"


def _tighten(tokens: list[Token]) -> None:
    """Show an item's only paragraph without margins.

    CommonMark looks at the empty lines in the whole list instead. Then the items that come first could change when
    later ones are written, and models set empty lines as it happens.
    """
    items: list[tuple[int, list[Token]]] = []
    for token in tokens:
        if token.type == "list_item_open":
            items.append((token.level + 1, []))
        elif token.type == "list_item_close":
            _, own = items.pop()
            for paragraph in own:
                paragraph.hidden = len(own) == len(("open", "close"))
        elif items and token.tag == "p" and token.level == items[-1][0]:
            items[-1][1].append(token)


def _tick(tokens: list[Token]) -> None:
    """Show `[ ]` and `[x]` at the beginning of an item as boxes."""
    for item, _, inline in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if item.type != "list_item_open" or not inline.children:
            continue
        first = inline.children[0]
        if first.type == "text" and first.content[:4] in _BOXES:
            item.attrs["class"] = "task"
            first.content = _BOXES[first.content[:4]] + first.content[4:]
