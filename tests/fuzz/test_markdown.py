"""Answers are written by a stranger: any text becomes harmless HTML, in a time that grows as its length does."""

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.markdown.render import render
from tests.fuzz.effort import examples, found
from tests.markdown.reading import committed, every, stream
from tests.markdown.test_hostile import VECTORS, assert_harmless

PIECES = sorted({part for vector in VECTORS for part in vector.split(" ")})
MARKS = [
    *(
        "\n",
        "\n\n",
        " ",
        "    ",
        "\t",
        "> ",
        "- ",
        "1. ",
        "# ",
        "---\n",
        "```",
        "~~~",
        "`",
        "*",
        "**",
        "_",
        "~~",
        "$",
        "$$",
    ),
    *(
        "[",
        "](",
        ")",
        "![",
        "<",
        ">",
        "&#",
        "&lt;",
        "\\",
        "\\(",
        "\\)",
        "\\[",
        "|",
        "|-|\n",
        "[x]: ",
        "http://a",
        "www.a.b",
    ),
    *(
        "\0",
        "\r",
        "\x0b",
        "\u2028",
        "\ufeff",
        "\u202e",
        "\ud800",
        "🦊",
        "a",
        "b",
        "javascript:",
        "\\frac{",
        "}",
        "^",
        "{",
    ),
]
TEXTS = st.lists(st.sampled_from([*MARKS, *PIECES]) | st.text(max_size=4), max_size=30).map("".join)
SCALED = [
    *MARKS,
    "a\n",
    "> a\n",
    "- a\n  ",
    "[a](",
    "*a_",
    "$a ",
    "<http://a",
    "|a|b|\n",
    "a@b.c ",
    "&#1234567;",
    "[^a]",
    "[a][b] ",
]
_SHORT, _TIMES, _SLACK = 2_000, 4, 2.5  # characters, growth, more than growth
_AT_ONCE = 0.002  # seconds


class Balance(HTMLParser):
    """Follows which elements are open."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert attrs is not None
        if tag not in {"br", "hr"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag


def cost(text: str, times: int = 3) -> float:
    """Return the seconds of processor time that a text takes, the least of some tries."""
    tries = []
    for _ in range(times):
        begun = time.process_time()
        render(text)
        tries.append(time.process_time() - begun)
    return min(tries)


@given(text=TEXTS)
@examples(120)
def test_any_text_becomes_harmless_html(text: str) -> None:
    html = render(text)
    assert_harmless(html)
    assert not Balance(html).open


@given(text=TEXTS, step=st.integers(1, 20))
@examples(40)
def test_any_text_is_harmless_while_it_grows(text: str, step: int) -> None:
    changes = stream(text, *every(step, text))
    assert_harmless("".join(getattr(change, "html", "") for change in changes))
    assert committed(changes) == render(text)


@pytest.mark.parametrize("name", found("markdown"))
def test_what_was_found_once_is_harmless_and_quick(name: str) -> None:
    text = found("markdown")[name].read_text(errors="surrogateescape")
    assert_harmless(render(text))
    assert cost(text) < 1


@pytest.mark.fuzz
@pytest.mark.parametrize("mark", range(len(SCALED)))
def test_time_grows_as_length_does(mark: int) -> None:
    """Each mark and each pair of marks, repeated: four times the text takes at most ten times as long."""
    slow = []
    for other in ["", *SCALED]:
        unit = SCALED[mark] + other
        text = unit * (_SHORT // len(unit))
        if grows(text, 1) and grows(text, 3):
            slow.append(unit)
    assert not slow


def grows(text: str, times: int) -> bool:
    """Tell whether the time grows faster than the text; what is over at once does not count."""
    short = cost(text, times)
    return short > _AT_ONCE and cost(text * _TIMES, times) > short * _TIMES * _SLACK
