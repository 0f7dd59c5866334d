"""Tables whose rows look like rows.

CommonMark has no tables; where they are common, any text below one is a row, and missing cells are filled in. Then a
sentence below a table would become part of it, and lines of one character thousands of cells.

A table whose rows begin with bars has a body even if there are no rows in it (yet), and its rows can be told line by
line: `framed` in the `meta` of its first token.
"""

from markdown_it.rules_block import StateBlock, table
from markdown_it.token import Token

_BAR = "|"
_UNFRAMED = 5  # bars in the head of a table without bars at the edges, where any text is a row


def framed_table(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - markdown-it calls it so
    """Read a table; when its head begins with a bar, up to the first line that does not, or has few of them."""
    if not table(state, start, end, True):  # noqa: FBT003 - looks only whether there is one
        return False
    bars = _bars(state, start)
    framed = _begins_with_bar(state, start)
    if framed:
        rows = range(start + 2, end)
        end = next(
            (line for line in rows if not _begins_with_bar(state, line) or 2 * _bars(state, line) < bars - 1), end
        )
    elif bars > _UNFRAMED:
        return False
    if silent:
        return True
    begin = len(state.tokens)
    table(state, start, end, False)  # noqa: FBT003 - reads it
    if framed:
        state.tokens[begin].meta["framed"] = True
        _give_body(state.tokens)
    return True


def _give_body(tokens: list[Token]) -> None:
    """Add a body to the last table, if it has none."""
    if tokens[-2].type == "thead_close":
        level = tokens[-1].level + 1
        body = Token("tbody_open", "tbody", 1, level=level), Token("tbody_close", "tbody", -1, level=level, block=True)
        tokens[-1:-1] = body


def _bars(state: StateBlock, line: int) -> int:
    return state.src.count(_BAR, state.bMarks[line], state.eMarks[line])


def _begins_with_bar(state: StateBlock, line: int) -> bool:
    return state.src.startswith(_BAR, state.bMarks[line] + state.tShift[line])
