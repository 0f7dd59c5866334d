"""Code with its words marked by class: `k` for keywords and so on, as in style sheets for Pygments.

A tenth of Pygments' classes is enough for eyes; fewer spans are fewer bytes.
"""

import html
import re
import time
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib import import_module
from itertools import groupby, takewhile
from typing import Protocol

LIMIT = 20_000
"""Characters of a block that is highlighted."""

CLASSES = {
    "Comment": "c",
    "Keyword": "k",
    "Keyword.Constant": "nb",
    "Keyword.Type": "nc",
    "Literal.String": "s",
    "Literal.Number": "m",
    "Name.Attribute": "na",
    "Name.Builtin": "nb",
    "Name.Class": "nc",
    "Name.Constant": "nb",
    "Name.Decorator": "na",
    "Name.Function": "nf",
    "Name.Tag": "nc",
    "Name.Variable": "nv",
    "Operator.Word": "k",
    "Generic.Deleted": "gd",
    "Generic.Heading": "k",
    "Generic.Inserted": "gi",
    "Generic.Output": "c",
    "Generic.Prompt": "c",
    "Generic.Subheading": "k",
}
"""Class of each kind of token, and of the kinds below it."""


class _Lexer(Protocol):
    def get_tokens(self, text: str) -> Iterable[tuple[object, str]]: ...


# Lexers whose expressions take less than half a second for 20 kB of anything (measured; those for OCaml, INI files and
# shell sessions do not).
_LEXERS = (
    "apache awk bash batch c clojure cmake common-lisp cpp csharp css dart diff docker elixir erlang fsharp go graphql "
    "groovy haskell html http java javascript jinja json jsx julia kotlin latex less lua make markdown matlab mysql "
    "nginx nix objective-c perl php postgresql powershell protobuf pycon python pytb r ruby rust scala scheme scss "
    "solidity sql swift tcl terraform toml tsx typescript vb.net vim vue xml yaml zig"
)
_SECONDS = 0.25  # of processor time; more means that the text is no code, or made to keep the device busy

_LANGUAGE = re.compile(r"[\w+#.-]{1,30}")


def language_of(info: str) -> str:
    """Return the name of a language as it is written behind the fence of a block, or an empty string."""
    match = _LANGUAGE.match(info.strip())
    return match[0].lower() if match else ""


@lru_cache(maxsize=32)
def highlight(code: str, language: str) -> str:
    """Return code as HTML with spans; of unknown languages, and of blocks that take long, without."""
    lexer = _lexer(language) if language and len(code) <= LIMIT else None
    tokens = list(_in_time(lexer.get_tokens(code))) if lexer else []
    if "".join(text for _, text in tokens) != code:
        return html.escape(code)
    return "".join(_spans(tokens))


def _in_time(tokens: Iterable[tuple[object, str]]) -> Iterator[tuple[object, str]]:
    end = time.thread_time() + _SECONDS
    return takewhile(lambda _: time.thread_time() < end, tokens)


def _spans(tokens: list[tuple[object, str]]) -> Iterator[str]:
    for name, group in groupby(tokens, key=lambda token: _class(token[0])):
        text = html.escape("".join(text for _, text in group))
        yield f'<span class="{name}">{text}</span>' if name else text


@cache
def _class(kind: object) -> str:
    parts = str(kind).split(".")[1:]  # Token.Name.Function.Magic
    names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((CLASSES[name] for name in names if name in CLASSES), "")


@cache
def _aliases() -> frozenset[str]:
    # Asking Pygments for an unknown name makes it look for plug-ins in all installed packages.
    lexers = import_module("pygments.lexers")  # only when there is code to show
    ours = set(_LEXERS.split())
    known = (aliases for _, aliases, _, _ in lexers.get_all_lexers(plugins=False))
    return frozenset(alias for aliases in known if ours.intersection(aliases) for alias in aliases)


@cache
def _lexer(language: str) -> _Lexer | None:
    if language not in _aliases():
        return None
    lexer: _Lexer = import_module("pygments.lexers").get_lexer_by_name(language, stripnl=False, ensurenl=False)
    return lexer
