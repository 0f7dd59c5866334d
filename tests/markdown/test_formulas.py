import pytest

from agent.markdown.mathml import to_mathml
from agent.markdown.render import render
from tests.markdown.reading import Page


def formulas(text: str) -> list[str | None]:
    return [attrs["display"] for tag, attrs in Page(render(text)).elements if tag == "math"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a $x^2$ b", ["inline"]),
        (r"a \(x^2\) b", ["inline"]),
        ("a $$x^2$$ b", ["block"]),
        (r"a \[x^2\] b", ["block"]),
        ("$$x^2$$", ["block"]),
        ("text\n$$\nx\n+ y\n$$\ntext", ["block"]),
        ("text\n\\[ x\n- y \\]\ntext", ["block"]),
        ("- item\n  $$\n  x\n  $$\n- item", ["block"]),
        ("> \\[\n> x\n> \\]", ["block"]),
        ("$$x$$ follows from $y$.", ["block", "inline"]),
        ("the $n$th and $(a)$, **$b$**", ["inline"] * 3),
        (r"$a \$ b$", ["inline"]),
        (r"$\begin{pmatrix} a & b \\ c & d \end{pmatrix}$", ["inline"]),
    ],
)
def test_all_four_kinds_of_marks_are_known(text: str, expected: list[str]) -> None:
    assert formulas(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $10",
        "It costs $20,000 and she has US$30 left.",
        "US$5 or US$ 6",
        "between $5-$10",
        "5$ and 6$",
        "a $ b $ c",
        "`$x$`",
        r"\$x\$",
        "$x",
        "$$",
        r"\(x",
        r"\( \)",
    ],
)
def test_money_and_single_marks_are_no_formulas(text: str) -> None:
    assert formulas(text) == []


def test_a_formula_without_end_takes_no_other_paragraph() -> None:
    page = Page(render("$$\nx = 1\n\nA *new* paragraph."))
    assert [tag for tag, _ in page.elements] == ["p", "code", "p", "em"]
    assert "$$\nx = 1" in page.text


@pytest.mark.parametrize("latex", [r"\frac{a}", r"\left( a", "a_b_c", "{" * 2000, r"\begin{matrix} a", r"\sqrt" * 500])
def test_what_cannot_be_read_is_shown_as_it_was_written(latex: str) -> None:
    text = Page(render(f"a $${latex}$$ b")).text
    assert latex in text or formulas(f"a $${latex}$$ b")


def test_macros_and_long_formulas_are_not_read() -> None:
    bomb = r"\def\a{\b\b}\def\b{\c\c}\def\c{xxxxxxxxxx}\a"
    assert to_mathml(bomb, display=False) is None
    assert to_mathml("x" * 5000, display=False) is None


def test_characters_of_a_formula_stay_characters() -> None:
    assert to_mathml(r"a < b \text{<script>&lt;}", display=False) == (
        '<math display="inline"><mrow><mi>a</mi><mo>&lt;</mo><mi>b</mi><mtext>&lt;script&gt;&lt;</mtext></mrow></math>'
    )
