"""Reads HTML as a browser does, for tests."""

import re
from html.parser import HTMLParser

from agent.markdown.blocks import Blocks
from agent.markdown.changes import Block, Change, More, Open
from agent.markdown.elements import TAIL

_END = re.compile(r"(</[uo]l>\n|</tbody>\n</table></div>\n)\Z")


class Page(HTMLParser):
    """What HTML consists of."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.others: list[str] = []  # comments, declarations, processing instructions
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_decl(self, decl: str) -> None:
        self.others.append(decl)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)


def extended(html: str, more: str) -> str:
    """Return HTML with items or rows at the end of the list or table that it ends with."""
    assert _END.search(html), "there is no list or table to go on with"
    return _END.sub(lambda end: more + end[0], html)


def stream(text: str, *cuts: int) -> list[Change]:
    """Push a text that is cut in these places, check what every viewer relies on, and return all changes."""
    blocks, seen, block = Blocks(), "", ""
    changes: list[Change] = []
    for begin, end in zip((0, *cuts), (*cuts, len(text)), strict=True):
        for change in blocks.push(text[begin:end]):
            changes.append(change)
            if isinstance(change, Block):
                seen, block = seen + change.html, ""
            elif isinstance(change, More):
                seen, block = extended(seen, change.html), ""
            elif isinstance(change, Open):
                assert change.html.count(TAIL) == 1
                block = change.html
            else:
                assert TAIL in block, "text is appended to nothing"
        assert (blocks.html, bool(blocks.open)) == (seen, bool(block))
        assert blocks.open.count('<span class="tail">') == bool(block)
    changes += blocks.finish()
    assert blocks.html == committed(changes)
    assert not blocks.open
    return changes


def committed(changes: list[Change]) -> str:
    """Return the HTML of all blocks."""
    html = ""
    for change in changes:
        if isinstance(change, Block | More):
            html = html + change.html if isinstance(change, Block) else extended(html, change.html)
    return html


def every(step: int, text: str) -> range:
    """Return the places where a text is cut into equal parts."""
    return range(step, len(text), step)
