"""HTML of what CommonMark does not have, or that a page of ours wants otherwise."""

import html
from collections.abc import Sequence

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from agent.markdown.code import highlight, language_of
from agent.markdown.mathml import to_mathml

TAIL = '<span class="tail"></span>'
"""Where the text of an answer goes on. Empty; a token `tail` becomes it."""


class Elements(RendererHTML):
    """Writes tokens as HTML; a method per type of token.

    What may be too wide for a phone scrolls, and can be scrolled with the keyboard: hence `tabindex`.
    """

    def fence(self, tokens: Sequence[Token], idx: int, _options: OptionsDict, _env: EnvType) -> str:
        """Write code; while it grows (with `tail`), without colours."""
        token = tokens[idx]
        language = language_of(token.info)
        content = html.escape(token.content) + TAIL if "tail" in token.meta else highlight(token.content, language)
        return code_block(content, language)

    def code_block(self, tokens: Sequence[Token], idx: int, _options: OptionsDict, _env: EnvType) -> str:
        """Write indented code."""
        tail = TAIL if "tail" in tokens[idx].meta else ""
        return code_block(html.escape(tokens[idx].content) + tail)

    def formula(self, tokens: Sequence[Token], idx: int, _options: OptionsDict, _env: EnvType) -> str:
        """Write a formula in a line; as it was written if it cannot be read."""
        token = tokens[idx]
        source = f'<code class="math">{html.escape(token.markup)}</code>'
        return to_mathml(token.content, display=token.meta["display"]) or source

    def formula_block(self, tokens: Sequence[Token], idx: int, _options: OptionsDict, _env: EnvType) -> str:
        """Write a formula of its own."""
        token = tokens[idx]
        tail = TAIL if "tail" in token.meta else ""
        formula = to_mathml(token.content, display=True) if token.meta["closed"] else None
        return f"{formula}\n" if formula else f'<p><code class="math">{html.escape(token.markup)}{tail}</code></p>\n'

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """Write the beginning of a table and of what it scrolls in."""
        return f'<div class="table" tabindex="0">{self.renderToken(tokens, idx, options, env)}'

    def table_close(self, _tokens: Sequence[Token], _idx: int, _options: OptionsDict, _env: EnvType) -> str:
        """Write the end of a table."""
        return "</table></div>\n"

    def tbody_open(self, _tokens: Sequence[Token], _idx: int, _options: OptionsDict, _env: EnvType) -> str:
        """Write the beginning of rows; the same if there are none yet."""
        return "<tbody>\n"

    def th_open(self, tokens: Sequence[Token], idx: int, _options: OptionsDict, _env: EnvType) -> str:
        """Write the beginning of a cell; how it is set is a class, since the page allows no styles in place."""
        token = tokens[idx]
        _, _, side = str(token.attrs.get("style", "")).partition(":")
        return f'<{token.tag} class="{side}">' if side in {"right", "center"} else f"<{token.tag}>"

    td_open = th_open

    def tail(self, _tokens: Sequence[Token], _idx: int, _options: OptionsDict, _env: EnvType) -> str:
        """Write the place where text is appended."""
        return TAIL


def code_block(content: str, language: str = "") -> str:
    """Return a block of code around HTML; the page adds the button that copies it."""
    attribute = f' data-language="{language}"' if language else ""
    return f'<div class="code"{attribute}><pre tabindex="0"><code>{content}</code></pre></div>\n'
