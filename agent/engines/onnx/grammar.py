"""GBNF, the notation of llama.cpp for grammars, into the notation of llguidance.

Every character becomes a terminal of its own. llguidance's own converter makes words of them, which its lexer matches
as far as they go: `word "z"` with `word ::= [a-z]+` would then never come to an end.
"""

import re
from collections.abc import Iterator

from llguidance import LLMatcher

_TOKEN = re.compile(
    r"""(?P<space> [ \t\r\n]+ | \#[^\r\n]* )
      | (?P<head> [\w-]+ (?=[ \t]*::=) )
      | (?P<is> ::= )
      | (?P<name> [\w-]+ )
      | (?P<text> " (?: [^"\\] | \\. )* " )
      | (?P<set> \[ (?: [^\]\\] | \\. )* \] )
      | (?P<any> \. )
      | (?P<open> \( )
      | (?P<close> \) )
      | (?P<or> \| )
      | (?P<repeat> [*+?] | \{ \s* \d{1,9} \s* (?: , \s* (?: \d{1,9} )? \s* )? \} )""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_CHARACTER = re.compile(
    r"\\x([0-9A-Fa-f]{2})|\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})|\\([tnr\"\\\[\]])|([^\\])", re.DOTALL
)
_ESCAPED = {"t": "\t", "n": "\n", "r": "\r"}
_NOTHING = '""'
_ANY = r"/[\x{0}-\x{10FFFF}]/"
_MAX_REPEAT = 2000  # times; as in llama.cpp


def from_gbnf(text: str) -> str:
    """Return the same grammar for llguidance.

    Raises:
        ValueError: it is not GBNF, a rule is missing, or there are two of one name.
    """
    names: dict[str, int] = {}
    defined: set[str] = set()
    rules: list[list[str]] = []
    depth = 0
    before = "is"  # the kind of token before; what begins a sequence is "is", "or" or "open"
    for kind, token in _tokens(text):
        if kind == "head":
            _require(depth == 0 and token not in defined and before != "head", f"rule {token!r} begins here")
            _end(rules, before)
            defined.add(token)
            rules.append([f"r{names.setdefault(token, len(names))}:"])
        elif kind == "is":
            _require(before == "head", "::= without a name")
        else:
            _require(bool(rules) and before != "head", f"{token!r} before the first rule")
            depth += (kind == "open") - (kind == "close")
            _require(depth >= 0, "a closing parenthesis too many")
            rules[-1].extend(_elements(kind, token, before, names))
        before = kind
    _require(depth == 0, "a parenthesis is not closed")
    _end(rules, before)
    missing = ({"root"} | set(names)) - defined
    _require(not missing, f"there is no rule {min(missing, default='')!r}")
    lark = "\n".join([f"start: r{names['root']}", *map(" ".join, rules)])
    return str(LLMatcher.grammar_from_lark(f"{lark}\n"))


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            raise ValueError(f"{text[at : at + 20]!r} is not understood")
        at = found.end()
        if found.lastgroup and found.lastgroup != "space":
            yield found.lastgroup, found[0]


def _elements(kind: str, token: str, before: str, names: dict[str, int]) -> Iterator[str]:
    """Yield what stands for one token of a rule's body."""
    begins = before in {"is", "or", "open"}
    if kind in {"or", "close"} and begins:
        yield _NOTHING  # an alternative without anything
    if kind in {"or", "close"}:
        yield token
    elif kind == "open":
        yield "("
    elif kind == "name":
        yield f"r{names.setdefault(token, len(names))}"
    elif kind == "text":
        letters = [_range(code, code) for code in _codes(token[1:-1])]
        yield f"({' '.join(letters)})" if letters else _NOTHING
    elif kind == "set":
        yield _set(token[1:-1])
    elif kind == "any":
        yield _ANY
    else:
        _require(not begins and before != "repeat", f"{token!r} repeats nothing")
        yield _repeat(token)


def _end(rules: list[list[str]], before: str) -> None:
    if rules and before in {"is", "or"}:
        rules[-1].append(_NOTHING)


def _repeat(token: str) -> str:
    numbers = [int(number) for number in re.findall(r"\d+", token)]
    _require(max(numbers, default=0) <= _MAX_REPEAT, f"{token} is more than {_MAX_REPEAT} times")
    if not numbers or "," in token:
        return re.sub(r"\s", "", token)
    return f"{{{numbers[0]},{numbers[0]}}}"


def _set(content: str) -> str:
    """Return a set of characters: ranges, or with ^ everything but them."""
    negated = content.startswith("^")
    codes = list(_codes(content[negated:], dash=-1))
    ranges = []
    at = 0
    while at < len(codes):
        is_range = at + 2 < len(codes) and codes[at + 1] == -1
        first, last = (codes[at], codes[at + 2]) if is_range else (codes[at], codes[at])
        ranges.append((_or_dash(first), _or_dash(last)))
        at += 3 if is_range else 1
    _require(bool(ranges), "an empty set of characters")
    inside = "".join(rf"\x{{{first:X}}}-\x{{{last:X}}}" for first, last in ranges)
    return f"/[{'^' if negated else ''}{inside}]/"


def _or_dash(code: int) -> int:
    return ord("-") if code == -1 else code


def _range(first: int, last: int) -> str:
    return rf"/[\x{{{first:X}}}-\x{{{last:X}}}]/"


def _codes(content: str, dash: int = ord("-")) -> Iterator[int]:
    """Yield the code points of a text with escapes; `dash` stands for an unescaped -."""
    at = 0
    while at < len(content):
        found = _CHARACTER.match(content, at)
        if not found:
            raise ValueError(f"{content[at : at + 10]!r} is no escape sequence")
        at = found.end()
        number, escaped, plain = found[1] or found[2] or found[3], found[4], found[5]
        if number:
            yield int(number, 16)
        elif plain == "-":
            yield dash
        else:
            yield ord(plain or _ESCAPED.get(escaped, escaped))


def _require(condition: bool, problem: str) -> None:  # noqa: FBT001 - reads like an assertion
    if not condition:
        raise ValueError(problem)
