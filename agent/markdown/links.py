"""Links of answers: only to other sites and to people, and nothing that a browser fetches by itself."""

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

SCHEMES = frozenset({"http", "https", "mailto"})

_ALLOWED = re.compile(r"(?:https?://|mailto:)[^\s]", re.IGNORECASE)
_BARE = re.compile(r"(?<![\w/])https?://[^\s<>\"'`{}|\\^\[\]*]{1,2000}+", re.IGNORECASE)
_PUNCTUATION = ".,;:!?"


def allowed(url: str) -> bool:
    """Return whether a link may lead there. An address without a host would lead into this device."""
    return _ALLOWED.match(url) is not None


def link_all(state: StateCore) -> None:
    """Turn images into links, since fetching them would tell somebody, and bare addresses too."""
    for token in state.tokens:
        if token.type == "inline" and token.children:
            token.children = list(_linked(state.md, token.children))


def _linked(md: MarkdownIt, tokens: list[Token]) -> Iterator[Token]:
    inside = False  # links do not nest
    for token in tokens:
        if token.type in ("link_open", "link_close"):
            inside = token.type == "link_open"
        if token.type == "image":
            yield from _image(token, inside=inside)
        elif token.type == "text" and "://" in token.content and not inside:
            yield from _bare(md, token.content)
        else:
            yield token


def _image(token: Token, *, inside: bool) -> Iterator[Token]:
    url = str(token.attrs.get("src", ""))
    label = "".join(child.content for child in token.children or []) or url
    yield from [_text(label)] if inside or not url else _link(url, label)


def _bare(md: MarkdownIt, text: str) -> Iterator[Token]:
    end = 0
    for match in _BARE.finditer(text):
        label = _without_punctuation(match[0])
        url = md.normalizeLink(label)
        if not allowed(url):
            continue
        yield _text(text[end : match.start()])
        yield from _link(url, label)
        end = match.start() + len(label)
    yield _text(text[end:])


def _without_punctuation(url: str) -> str:
    """Return an address without the end of the sentence around it."""
    url = url.rstrip(_PUNCTUATION)
    while url.endswith(")") and url.count(")") > url.count("("):
        url = url[:-1].rstrip(_PUNCTUATION)
    return url


def _link(url: str, label: str) -> Iterator[Token]:
    yield Token("link_open", "a", 1, {"href": url})
    yield _text(label)
    yield Token("link_close", "a", -1)


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)
