"""Markdown as models write it: CommonMark with tables, strikethrough and formulas; no HTML.

A line that ends is a line that ends (`breaks`): models write poems, addresses and short lists so, and other chat pages
show them so. Definitions of references (`[1]: https://…`) stay text, with a link: what an answer says at its end must
not change what has been read.
"""

from functools import cache

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from agent.markdown.elements import Elements
from agent.markdown.formulas import add_formulas
from agent.markdown.links import allowed, link_all
from agent.markdown.outline import fit
from agent.markdown.tables import framed_table
from agent.markdown.wall import safe

_NESTING = 20  # levels of lists, quotes and marks; deeper ones are left out


class _Markdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802 - markdown-it's name
        """Return whether this address may be linked."""
        return allowed(url)


def parse_blocks(text: str) -> list[Token]:
    """Return the blocks of a text; what is in their lines is not parsed yet."""
    md, tokens = _markdown(), list[Token]()
    md.block.parse(text, md, {}, tokens)
    return tokens


def parse_lines(tokens: list[Token], ranks: tuple[int, ...] = ()) -> None:
    """Parse what is in the lines of blocks; `ranks`: of the headings above them."""
    md = _markdown()
    md.core.process(StateCore("", md, {"ranks": ranks}, tokens))


def to_html(tokens: list[Token]) -> str:
    """Return blocks as HTML that is safe to show."""
    md = _markdown()
    return safe(str(md.renderer.render(tokens, md.options, {})))


@cache
def _markdown() -> MarkdownIt:
    options = {"html": False, "breaks": True, "xhtmlOut": False, "maxNesting": _NESTING}
    md = _Markdown("commonmark", options, renderer_cls=Elements)
    md.enable(["table", "strikethrough"])
    md.disable(["html_block", "html_inline", "reference", "normalize", "block"])
    md.block.ruler.at("table", framed_table, {"alt": ["paragraph", "reference"]})
    add_formulas(md)
    md.core.ruler.push("links", link_all)
    md.core.ruler.push("outline", fit)
    return md
