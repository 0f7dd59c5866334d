import sys

import pytest

from agent.markdown.code import LIMIT, highlight, language_of
from agent.markdown.render import render
from tests.markdown.reading import Page


def test_words_are_marked_by_class() -> None:
    assert highlight("def f(): return 'a'", "python") == (
        '<span class="k">def</span> <span class="nf">f</span>(): <span class="k">return</span> '
        '<span class="s">&#x27;a&#x27;</span>'
    )


@pytest.mark.parametrize("language", ["", "mermaid", "no such", "../x", "text"])
def test_an_unknown_language_is_plain(language: str) -> None:
    assert highlight("def <", language) == "def &lt;"


def test_a_long_block_is_plain() -> None:
    assert "<span" not in highlight("def f(): pass\n" * (LIMIT // 14 + 1), "python")


@pytest.mark.parametrize(
    "language", ["python", "cpp", "html", "bash", "diff", "markdown", "yaml", "json", "js", "rust"]
)
@pytest.mark.parametrize("code", ["", "\n\n  a\n", "x\ty  \n\n", "'unclosed", "é\u2028ü", "<b>&amp;</b>"])
def test_code_keeps_every_character(code: str, language: str) -> None:
    assert Page(highlight(code, language)).text == code


def test_the_language_is_shown_as_the_fence_has_it() -> None:
    assert 'data-language="c++"' in render("```C++ title=x\nint a;\n```")
    assert "data-language" not in render('```"><script>\na\n```')
    assert language_of("  Python {1,2}") == "python"


def test_languages_are_loaded_when_they_are_needed() -> None:
    highlight("x", "fsharp")
    assert "pygments.lexers.dotnet" in sys.modules
    assert "pygments.lexers.theorem" not in sys.modules
