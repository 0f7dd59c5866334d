"""However an answer is cut into deltas, it ends as what it is as a whole."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.markdown.render import render
from benchmarks.rendering import ANSWERS, answer
from tests.markdown.reading import committed, every, stream

PARTS = [
    *("a", "b c", "word ", "\n", "\n\n", "\r\n", " ", "  ", "    ", "\t", "é", "\u05d0"),
    *("- ", "* ", "+ ", "1. ", "2) ", "0. ", "> ", "# ", "### x\n", "---", "===", "-", "=", "[ ] ", "[x] "),
    *("```", "```py\n", "~~~", "````", "    code\n", "`", "**", "*", "_", "__", "~~"),
    *("|", "| a | b |\n", "|---|---|\n", "a | b\n", "--|--\n", "\\", "&amp;", "<b>", "!"),
    *("$", "$$", r"\(", r"\)", r"\[", r"\]", "x^2", "[", "]", "(", ")", "https://a.example/b"),
]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=60).map("".join)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.data())
def test_any_text_is_committed_as_it_would_be_rendered(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, max(len(text) - 1, 1)), max_size=10))) if len(text) > 1 else []
    html = committed(stream(text, *cuts))
    assert html == committed(stream(text, *every(1, text)))
    assert html == render(text)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(PARTS), min_size=400, max_size=600).map("".join), st.integers(1, 50))
def test_so_is_a_long_one(text: str, step: int) -> None:
    assert committed(stream(text, *every(step, text))) == render(text)


@pytest.mark.parametrize("name", ANSWERS)
def test_so_are_answers_as_models_write_them(name: str) -> None:
    text = answer(name)
    for step in (1, 4, 777):
        assert committed(stream(text, *every(step, text))) == render(text)
