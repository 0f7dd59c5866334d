"""What Edgewise says by itself, on the page of somebody who reads another language than English."""

import re

from markupsafe import Markup, escape

from web.locale import DEFAULT, Translator

_CODE = re.compile(r"`([^`]+)`")
_STOPS = (".", "!", "?", "。", "…")


def said(t: Translator, text: str) -> Markup:
    """Return a text in the language of the page; what there is in English only is marked as English."""
    return _marked(t, text, t.phrase(text))


def sentence(t: Translator, text: str) -> Markup:
    """Return the same for a text that may be part of a sentence: with a capital letter and a full stop."""
    words = t.phrase(text)
    whole = _whole(words or text, t.language if words else DEFAULT)
    return _marked(t, whole, words and whole)


def with_code(text: str) -> Markup:
    """Return a text in which what stands between backticks, mostly a command, is shown as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped, and only tags added


def _whole(text: str, language: str) -> str:
    stop = "" if not text or text.endswith(_STOPS) else "。" if language == "zh" else "."
    return f"{text[:1].upper()}{text[1:]}{stop}"


def _marked(t: Translator, english: str, words: str | None) -> Markup:
    if words is not None or t.language == DEFAULT or not english:
        return with_code(words or english)
    return Markup('<span lang="en">{}</span>').format(with_code(english))
