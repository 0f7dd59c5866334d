r"""Where formulas are: `$…$` and `\(…\)` in a line, `$$…$$` and `\[…\]` on lines of their own or in one.

Models write all four. A dollar may be money, so the rules of pandoc hold: no space after the first one, no space
before the last one, no digit after it. The first one does not follow a letter or digit either (US$5).

A line that begins with `$$` or `\[` begins a block whatever follows, and the block ends with the line that has the
other mark, or before an empty line. So what comes before such a line never depends on what comes after it, which is
what `agent.markdown.blocks` relies on.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

CLOSING = {"$$": "$$", r"\[": r"\]"}

# A backslash takes the next character with it. No mark opens twice, so that a text of opening marks costs no more than
# its length.
_INLINE = {
    "$$": re.compile(r"\$\$((?:[^$\\]|\\.)++)\$\$", re.DOTALL),
    "$": re.compile(r"\$(?![\s$])((?:[^$\\]|\\.)++)(?<!\s)\$(?!\d)", re.DOTALL),
    r"\(": re.compile(r"\\\(((?:[^\\]|\\[^()])++)\\\)", re.DOTALL),
    r"\[": re.compile(r"\\\[((?:[^\\]|\\[^\[\]])++)\\\]", re.DOTALL),
}
_DISPLAY = ("$$", r"\[")


def add_formulas(md: MarkdownIt) -> None:
    """Have a parser recognise formulas, as tokens `formula` in a line and `formula_block`."""
    md.inline.ruler.before("escape", "formula", _inline)
    md.block.ruler.before("fence", "formula_block", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]})


def _inline(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it calls it so
    source, begin = state.src, state.pos
    if source[begin] not in "$\\":
        return False
    mark = next((mark for mark in _INLINE if source.startswith(mark, begin)), "")
    if not mark or (mark[0] == "$" and begin and source[begin - 1].isalnum()):
        return False
    match = _INLINE[mark].match(source, begin, state.posMax)
    if match is None or not match[1].strip():
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content, token.markup = match[1].strip(), match[0]
        token.meta["display"] = mark in _DISPLAY
    state.pos = match.end()
    return True


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - markdown-it calls it so
    mark = _text(state, start)[:2]
    if mark not in CLOSING or state.is_code_block(start):
        return False
    last, rest = _extent(state, start, end, CLOSING[mark])
    if last == start and rest:
        # More text follows on the line: a paragraph with a formula in it. It begins here all the same.
        return silent
    if silent:
        return True
    state.line = last + 1
    content = "\n".join(_text(state, line) for line in range(start, last + 1)).rstrip()
    if rest:
        _paragraph(state, start, content)
        return True
    token = state.push("formula_block", "math", 0)
    token.block, token.map, token.markup = True, [start, state.line], content
    token.meta["closed"] = rest is not None
    token.content = content[2:-2].strip() if rest is not None else content
    return True


def _extent(state: StateBlock, start: int, end: int, closing: str) -> tuple[int, str | None]:
    """Return the last line of a block, and what follows the closing mark there; None if there is no such mark."""
    for line in range(start, end):
        text = _text(state, line)
        if line > start and (not text or state.sCount[line] < state.blkIndent):
            return line - 1, None
        at = text.find(closing, 2 if line == start else 0)
        if at >= 0:
            return line, text[at + len(closing) :].strip()
    return end - 1, None


def _text(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _paragraph(state: StateBlock, start: int, content: str) -> None:
    state.push("paragraph_open", "p", 1).map = [start, state.line]
    token = state.push("inline", "", 0)
    token.content, token.map, token.children = content, [start, state.line], []
    state.push("paragraph_close", "p", -1)
