import pytest

from agent.markdown.blocks import Blocks
from agent.markdown.changes import Block, Change, Delta, More, Open
from agent.markdown.elements import TAIL
from agent.markdown.render import render
from agent.markdown.source import LIMIT
from tests.markdown.reading import Page, committed, every, stream


def shown(*pushes: str) -> str:
    """What a page has after these pushes, as text."""
    blocks = Blocks()
    for text in pushes:
        blocks.push(text)
    return Page(blocks.html + blocks.open).text


def opened(changes: list[Change]) -> list[str]:
    return [change.html for change in changes if isinstance(change, Open)]


def test_words_are_appended() -> None:
    blocks = Blocks()
    assert blocks.push("One ") == [Open('<p dir="auto">One <span class="tail"></span></p>\n')]
    assert blocks.push("two <") == [Delta("two <")]
    assert blocks.open == '<p dir="auto">One <span class="tail">two &lt;</span></p>\n'
    assert blocks.finish() == [Block('<p dir="auto">One two &lt;</p>\n')]
    assert (blocks.html, blocks.open) == ('<p dir="auto">One two &lt;</p>\n', "")


def test_a_mark_is_shown_as_soon_as_it_closes() -> None:
    changes = stream("It is **very** good", *every(2, "It is **very** good"))
    assert [html for html in opened(changes) if "<strong>very</strong>" in html]


@pytest.mark.parametrize(
    "beginning", ["- ", "* ", "1. ", "## ", "> ", "> - ", "```py", "|", "| a", "---", "$$", "**", "42"]
)
def test_the_beginning_of_a_line_is_held_back_until_it_is_clear(beginning: str) -> None:
    assert shown("a\n", beginning).strip() == "a"


def test_a_block_is_committed_when_the_next_one_begins() -> None:
    blocks = Blocks()
    blocks.push("a\n\n")
    assert blocks.html == ""
    blocks.push("b")
    assert blocks.html == '<p dir="auto">a</p>\n'


def test_items_are_committed_one_by_one() -> None:
    changes = stream("3. a\n4. b\n   - c\n\n5. d", *every(1, "3. a\n4. b\n   - c\n\n5. d"))
    assert [change.html for change in changes if isinstance(change, Block | More)] == [
        '<ol start="3" dir="auto">\n<li>a</li>\n</ol>\n',
        "<li>b\n<ul>\n<li>c</li>\n</ul>\n</li>\n",
        "<li>d</li>\n",
    ]
    assert ['start="4"' in html for html in opened(changes) if ">b" in html] == [True, True]


def test_code_grows_without_being_rendered_again() -> None:
    text = "```python\ndef f():\n    return '`'\n"
    changes = stream(text + "```\n", *every(3, text + "```\n"))
    assert len(opened(changes)) == 1
    appended = "".join(change.text for change in changes if isinstance(change, Delta))
    assert Page(opened(changes)[0]).text.strip() + appended == text.partition("\n")[2]
    assert '<span class="k">def</span>' in committed(changes)


def test_code_in_an_item_grows_without_its_indent() -> None:
    assert "def f():\n    return 1\n" in shown("1. a\n   ```py\n", "   def f():\n", "       return", " 1\n", "   ")


@pytest.mark.parametrize("fence", ["```", "  ```", "`````  "])
def test_the_end_of_code_is_never_shown_as_code(fence: str) -> None:
    assert "`" not in shown("```\na\n", *fence)


def test_a_table_grows_by_rows() -> None:
    text = "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n"
    changes = stream(text, *every(3, text))
    rows = [change.html for change in changes if isinstance(change, More)]
    assert rows == ["<tr>\n<td>1</td>\n<td>2</td>\n</tr>\n", "<tr>\n<td>3</td>\n<td>4</td>\n</tr>\n"]
    assert not any("|" in html for html in opened(changes))


def test_each_row_of_a_long_table_is_sent_once_and_at_once() -> None:
    rows = [f"| **{number}** | b |\n" for number in range(1000)]
    blocks = Blocks()
    blocks.push("| a | b |\n|---|--:|\n")
    for number, row in enumerate(rows):
        more, tail = blocks.push(row)
        assert isinstance(more, More)
        assert f"<strong>{number}</strong>" in more.html
        assert tail == Open(TAIL)
    assert blocks.push("no row") == [Open(f'<p dir="auto">no row{TAIL}</p>\n')]


def test_a_table_in_a_list_grows_as_a_whole() -> None:
    text = "- | a |\n  |---|\n  | 1 |\n  | 2 |\n"
    changes = stream(text, *every(1, text))
    assert opened(changes)[-1].count("<tr>") == 3
    assert committed(changes) == render(text)


def test_a_formula_is_shown_as_it_is_written_until_it_ends() -> None:
    blocks = Blocks()
    for part in ("$$\n", "\\frac{a}", "{b}"):
        blocks.push(part)
    assert Page(blocks.open).text.strip() == "$$\n\\frac{a}{b}"
    blocks.push("\n$$\n")
    assert "<mfrac>" in blocks.open


def test_a_space_before_new_words_is_kept() -> None:
    assert shown("**a** ", "b").strip() == "a b"
    assert shown("a **b** ", "c", " d").strip() == "a b c d"


def test_a_long_paragraph_is_not_rendered_all_the_time() -> None:
    text = "**a** `b` " * 2000
    sent = sum(len(change.html) for change in stream(text, *every(4, text)) if isinstance(change, Open))
    assert sent < 60 * len(text)  # 47; thousands, if it were


def test_plain_words_are_sent_once() -> None:
    text = "word " * 1000
    assert len(opened(stream(text, *every(5, text)))) == 1


def test_what_comes_after_the_limit_is_appended_as_it_is() -> None:
    text = "**a** b\n\n" * (LIMIT // 9 + 500)
    changes = stream(text, *every(1000, text))
    assert committed(changes) == render(text)
    assert isinstance(changes[-2], Delta)


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\r", "\0", "\ud800"])
def test_an_empty_answer_is_no_block(text: str) -> None:
    assert committed(stream(text, *every(1, text))) == render(text)


def test_a_line_end_of_two_characters_may_be_cut() -> None:
    assert committed(stream("a\r\nb\r", 2, 3)) == render("a\nb")


def test_an_item_is_no_head_of_a_table() -> None:
    text = "- a\n- b | c\n--|--\n"
    assert committed(stream(text, *every(1, text))) == render(text)


def test_words_after_a_long_line_that_looked_like_a_row_are_shown() -> None:
    text = "| a" * 1000 + "\nwords and more"
    assert [html for html in opened(stream(text, *every(5, text))) if "word<span" in html]
