"""Where templates and handlers use the catalogue of texts, and which words stand in templates themselves."""

import ast
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from jinja2 import Environment, nodes

WEB = Path(__file__).parents[2] / "web"
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
SOURCES = sorted(WEB.rglob("*.py"))

# Names, units and signs that are the same in every language.
_INTERNATIONAL = {
    "Edgewise",
    "tok",
    "s",
    "GHz",
    "C",
    "JSON",
    "Markdown",
    "PDF",
    "API",
    "MMLU-Pro",
    "SHA-256",
    "XXXX-XXXX",
}
_SPOKEN = {"title", "placeholder", "alt", "aria-label", "aria-description", "aria-valuetext", "label"}
_UNSPOKEN = {"code", "kbd", "script", "style", "svg", "pre"}
# Attributes, and the block for a class, may be filled in from another place of a template than their tag.
_ELSEWHERE = re.compile(r'[\w-]+="[^"]*"|\bautofocus\b')
_CLASS = re.compile(r"{% block kind %}[\w -]*{% endblock %}")


@dataclass(frozen=True)
class Use:
    """A call of `t`: the key, with `*` for what is computed, and the names of the values given.

    Attributes:
        values: None when only a run can tell.
    """

    key: str
    values: frozenset[str] | None


def in_template(path: Path) -> Iterator[Use]:
    """Yield the calls in a template."""
    for call in _parsed(path).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "t":
            values = None if call.dyn_kwargs else frozenset(value.key for value in call.kwargs)
            yield from (Use(key, values) for key in _template_keys(call.args[0]))


def in_source(path: Path) -> Iterator[Use]:
    """Yield the calls in a Python file: `t(…)`, or of what `translator(request)` returns."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.args and _translates(node.func):
            values = frozenset(word.arg for word in node.keywords if word.arg)
            dynamic = any(word.arg is None for word in node.keywords)
            yield from (Use(key, None if dynamic else values) for key in _source_keys(node.args[0]))


def constants(path: Path) -> Iterator[str]:
    """Yield the texts in a template's code or a Python file, for keys that are chosen from a table."""
    if path.suffix == ".html":
        yield from (str(node.value) for node in _parsed(path).find_all(nodes.Const))
    else:
        tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        yield from (node.value for node in tree if isinstance(node, ast.Constant) and isinstance(node.value, str))


def placeholders(text: str) -> set[str]:
    """Return the names of the values that a text takes."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def phrases() -> Iterator[tuple[str, str, set[str]]]:
    """Yield code, English and names of values of every phrase (`agent.phrase`) in the product."""
    for path in [*SOURCES, *sorted((WEB.parent / "agent").rglob("*.py"))]:
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)) if "Phrase(" in source else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Phrase":
                code, english = (ast.literal_eval(argument) for argument in node.args)
                yield code, english, {str(word.arg) for word in node.keywords}


def own_words(source: str) -> list[str]:
    """Return the words that stand in a template itself, and that a reader sees or hears."""
    tokens: Iterator[tuple[int, str, str]] = Environment(autoescape=True).lex(_CLASS.sub("", source))
    words = _Words()
    words.feed(
        "".join(text if kind == "data" else "1" for _, kind, text in tokens if kind in {"data", "variable_begin"})
    )
    words.close()
    return words.found


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSPOKEN:
            self._silent.append(tag)
        button = tag == "input" and dict(attrs).get("type") in {"submit", "button"}
        for name, value in attrs:
            if value and (name in _SPOKEN or (button and name == "value")):
                self._add(value)

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._add(_ELSEWHERE.sub("", data))

    def _add(self, text: str) -> None:
        self.found += [word for word in re.findall(r"[^\W\d_][\w-]*", text) if word not in _INTERNATIONAL]


def _parsed(path: Path) -> nodes.Template:
    return Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))


def _template_keys(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.CondExpr):
        for branch in (node.expr1, node.expr2):
            yield from _template_keys(branch) if branch is not None else ()
    else:
        yield _template_key(node)


def _template_key(node: nodes.Node) -> str:
    if isinstance(node, nodes.Const):
        return str(node.value)
    parts = node.nodes if isinstance(node, nodes.Concat) else ()
    return "".join(_template_key(part) for part in parts) or "*"


def _source_keys(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from _source_keys(node.body)
        yield from _source_keys(node.orelse)
    elif isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)
    else:
        yield "*"


def _translates(function: ast.expr) -> bool:
    made = isinstance(function, ast.Call) and ast.unparse(function.func) == "translator"
    return made or ast.unparse(function) == "t"
