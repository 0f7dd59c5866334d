import pytest

from agent.markdown.render import render
from agent.markdown.source import LIMIT
from tests.markdown.reading import Page


def tags(text: str) -> list[str]:
    return [tag for tag, _ in Page(render(text)).elements]


def links(text: str) -> list[str | None]:
    return [attrs.get("href") for tag, attrs in Page(render(text)).elements if tag == "a"]


def test_marks_become_elements() -> None:
    html = render("a **b** *c* ~~d~~ `e < f`")
    assert html == '<p dir="auto">a <strong>b</strong> <em>c</em> <s>d</s> <code>e &lt; f</code></p>\n'


def test_a_line_that_ends_is_a_line_that_ends() -> None:
    assert tags("roses are red\nviolets are blue") == ["p", "br"]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ((1, 2, 3), "345"),
        ((2, 2, 3), "334"),
        ((3, 2, 4), "334"),
        ((1, 4, 2, 1), "3443"),
        ((1, 2, 3, 4, 5, 6), "345666"),
    ],
)
def test_headings_begin_below_those_of_the_page_and_skip_no_level(levels: tuple[int, ...], expected: str) -> None:
    text = "\n".join("#" * level + " x" for level in levels)
    assert "".join(tag[1] for tag in tags(text)) == expected


def test_every_outermost_block_finds_its_own_direction() -> None:
    html = render("שלום\n\n- a\n\n> b\n\n# c\n\n| a |\n|---|")
    assert [
        attrs.get("dir") for tag, attrs in Page(html).elements if tag in {"p", "ul", "blockquote", "h3", "table"}
    ] == [
        "auto",
        "auto",
        "auto",
        None,  # the paragraph in the quote has the quote's
        "auto",
        "auto",
    ]


def test_wide_parts_can_be_scrolled_with_the_keyboard() -> None:
    html = render("```\nx\n```\n\n| a |\n|---|\n\n$$x$$\n")
    assert [tag for tag, attrs in Page(html).elements if attrs.get("tabindex") == "0"] == ["pre", "div", "math"]


def test_an_item_is_set_by_what_is_in_it() -> None:
    assert render("- a\n\n- b\n") == '<ul dir="auto">\n<li>a</li>\n<li>b</li>\n</ul>\n'
    assert tags("- a\n\n  b\n- c") == ["ul", "li", "p", "p", "li"]


def test_a_task_shows_whether_it_is_done() -> None:
    page = Page(render("- [ ] a\n- [x] b\n- [c] d"))
    assert page.text.split("\n")[1:4] == ["☐ a", "☑ b", "[c] d"]
    assert [attrs.get("class") for tag, attrs in page.elements if tag == "li"] == ["task", "task", None]


def test_cells_are_set_by_class() -> None:
    page = Page(render("| a | b | c |\n|:--|:-:|--:|\n| 1 | 2 | 3 |"))
    assert [attrs.get("class") for tag, attrs in page.elements if tag in {"th", "td"}] == [None, "center", "right"] * 2


def test_a_sentence_below_a_table_is_no_row() -> None:
    assert tags("| a | b |\n|---|---|\n| 1 | 2 |\nSo take the first.")[-1] == "p"


def test_a_table_without_bars_at_its_edges_is_read() -> None:
    assert tags("a | b\n---|---\n1 | 2").count("td") == 2


def test_links_open_elsewhere_and_tell_nothing() -> None:
    [(_, attrs)] = [element for element in Page(render("[a](https://b.example 'c')")).elements if element[0] == "a"]
    assert attrs == {"href": "https://b.example", "target": "_blank", "rel": "noopener noreferrer nofollow"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://a.example/b_c?d=e#f.", ["https://a.example/b_c?d=e#f"]),
        ("(https://a.example/b_(c))", ["https://a.example/b_(c)"]),
        ("<https://a.example> [x](https://b.example)", ["https://a.example", "https://b.example"]),
        ("`https://a.example` and www.a.example", []),
        ("[https://a.example](https://b.example)", ["https://b.example"]),
        ("mail <a@b.example>", ["mailto:a@b.example"]),
    ],
)
def test_addresses_are_links(text: str, expected: list[str]) -> None:
    assert links(text) == expected


@pytest.mark.parametrize(
    "address", ["/logout", "//a.example", "logout", "#x", "ftp://a.example", "tel:1", "file:///etc"]
)
def test_other_addresses_stay_text(address: str) -> None:
    assert not links(f"[a]({address}) ![b]({address}) <{address}>")


def test_an_image_becomes_a_link() -> None:
    assert render("![a *cat*](https://a.example/c.png)").count("<img") == 0
    assert links("![a *cat*](https://a.example/c.png)") == ["https://a.example/c.png"]
    assert Page(render("![a *cat*](https://a.example/c.png)")).text.strip() == "a cat"
    assert links("[![b](https://a.example/c.png)](https://d.example)") == ["https://d.example"]


def test_html_is_text() -> None:
    assert tags("<b>a</b> <script>alert(1)</script>\n\n<div>\n\n<!-- x -->") == ["p", "p", "p"]


def test_definitions_of_references_stay_text() -> None:
    assert Page(render("[a][1]\n\n[1]: https://a.example")).text == "[a][1]\n[1]: https://a.example\n"


def test_a_long_text_is_shown_to_its_end() -> None:
    page = Page(render("**word** " * (LIMIT // 9) + "**rest** " * 1000))
    assert page.elements[-1] == ("code", {})
    assert page.text.count("rest") == 1000


@pytest.mark.parametrize("text", ["", "\n", " ", "\0", "\ud800", "a\r\nb\rc", "\ufeff# a", "\x0b\x1b\u2028"])
def test_any_characters_can_be_rendered(text: str) -> None:
    assert "\0" not in render(text)
    assert render(text).encode() or not text.strip()
