"""A whole answer as HTML."""

import html

from agent.markdown.elements import code_block
from agent.markdown.parser import parse_blocks, parse_lines, to_html
from agent.markdown.source import LIMIT, clean
from agent.markdown.wall import safe


def render(text: str) -> str:
    """Return a Markdown text as HTML that is safe to show, whoever wrote the text. Never raises.

    What comes after `LIMIT` characters is shown as it was written.
    """
    text = clean(text)
    tokens = parse_blocks(text[:LIMIT])
    parse_lines(tokens)
    return to_html(tokens) + as_written(text[LIMIT:])


def as_written(text: str) -> str:
    """Return the rest of a text that is too long to be formatted."""
    return safe(code_block(html.escape(text))) if text else ""
