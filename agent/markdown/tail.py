"""Where the text of an open block goes on."""

from markdown_it.token import Token

from agent.markdown.lines import is_row

_WRITTEN = ("fence", "code_block", "formula_block")


def place_tail(block: list[Token], text: str, *, grows: bool) -> bool:
    """Put the tail where the next text belongs, and return whether text can be appended there.

    Args:
        block: the open block; changed in place.
        text: whose last block it is.
        grows: whether it ends with code or a formula that has not ended.
    """
    leaf = next(token for token in reversed(block) if token.nesting >= 0)
    tail = Token("tail", "span", 0)
    space = Token("text", "", 0, content=" " if text.endswith(" ") else "")  # the parser drops it at the end
    if leaf.type == "inline" and leaf.children is not None and not _ends_with_table(block):
        leaf.children += [space, tail]
        return True
    if leaf.type == "code_block" or (grows and leaf.type in _WRITTEN):
        leaf.meta["tail"] = True
        leaf.markup += "\n" if leaf.type == "formula_block" and text.endswith("\n") else ""
        return True
    block.append(tail)
    return False


def may_become_table(block: list[Token], text: str) -> bool:
    """Return whether a text ends with a line that the next line may make the head of a table."""
    line = text.rstrip("\n").rpartition("\n")[2]
    return text.endswith("\n") and is_row(line) and not _ends_with_table(block)


def _ends_with_table(block: list[Token]) -> bool:
    closed = 0
    for token in reversed(block):
        if token.nesting >= 0:
            break
        closed += token.type == "table_close"
    return closed > 0
