"""On which line of a TOML file a key stands. Python's own parser does not say.

Only for files that the parser has accepted: the scan below trusts their form.
"""

import re
import tomllib
from collections.abc import Sequence

Key = str | int

_TOKEN = re.compile(
    r"""
    "{3} (?: \\. | [^\\] )*? "{3,5} | '{3} .*? '{3,5}       # text of several lines
    | "(?: \\. | [^"\\] )*" | '[^']*'                       # text
    | \n | [\[\]{}=,.]
    | (?P<skip> \#[^\n]* | [\ \t\r]+ )
    | [^\s\[\]{}=,."'\#]+                                   # bare keys, numbers, dates
    """,
    re.VERBOSE | re.DOTALL,
)


def find_line(text: str, keys: Sequence[Key]) -> int:
    """Return the line, from 1, of the key or array element that is named by its path, or of the closest one above it.

    Args:
        text: TOML that `tomllib` accepts.
        keys: such as `["models", 2, "quality", "score"]`; numbers are positions in arrays.
    """
    lines = _Scan(text).lines
    return next((lines[path] for end in range(len(keys), 0, -1) if (path := tuple(keys[:end])) in lines), 1)


class _Scan:
    """One pass over the tokens that notes the first line of every path."""

    def __init__(self, text: str) -> None:
        found = [match for match in _TOKEN.finditer(text) if match["skip"] is None]
        self._tokens = [match[0] for match in found]
        self._at = [text.count("\n", 0, match.start()) + 1 for match in found]
        self._next = 0
        self._tables: dict[tuple[Key, ...], int] = {}  # arrays of tables, with the position of their last element
        self.lines: dict[tuple[Key, ...], int] = {}
        self._document()

    def _document(self) -> None:
        table: tuple[Key, ...] = ()
        while self._next < len(self._tokens):
            if self._tokens[self._next] == "[":
                table = self._header()
            elif not self._take("\n"):
                self._pair(table)

    def _header(self) -> tuple[Key, ...]:
        self._next += 1
        several = self._take("[")
        *parents, last = self._name()
        path = self._note(self._inside((), parents), last)
        self._next += 2 if several else 1
        if several:
            self._tables[path] = self._tables.get(path, -1) + 1
            path = self._note(path, self._tables[path], line=self._at[self._next - 1])
        return path

    def _pair(self, table: tuple[Key, ...]) -> None:
        *parents, last = self._name()
        path = self._note(self._inside(table, parents), last)
        self._next += 1  # the equals sign
        self._value(path)

    def _value(self, path: tuple[Key, ...]) -> None:
        if self._take("["):
            count = 0
            while not self._ends("]"):
                self._value(self._note(path, count))
                count += 1
        elif self._take("{"):
            while not self._ends("}"):
                self._pair(path)
        else:
            while self._next < len(self._tokens) and self._tokens[self._next] not in {",", "]", "}", "\n"}:
                self._next += 1

    def _name(self) -> list[str]:
        """Take a key with its dots, and return its parts."""
        parts = [self._part()]
        while self._take("."):
            parts.append(self._part())
        return parts

    def _part(self) -> str:
        token = self._tokens[self._next]
        self._next += 1
        return str(tomllib.loads(f"key = {token}")["key"]) if token[0] in "\"'" else token

    def _inside(self, path: tuple[Key, ...], parents: Sequence[str]) -> tuple[Key, ...]:
        for parent in parents:
            path = self._note(path, parent)
            if path in self._tables:
                path = (*path, self._tables[path])
        return path

    def _note(self, path: tuple[Key, ...], key: Key, line: int = 0) -> tuple[Key, ...]:
        """Remember where this key was first seen: at the token before the next, or where an array element begins."""
        whole = (*path, key)
        at = self._next if isinstance(key, int) else self._next - 1
        self.lines.setdefault(whole, line or self._at[at])
        return whole

    def _take(self, token: str) -> bool:
        found = self._next < len(self._tokens) and self._tokens[self._next] == token
        self._next += found
        return found

    def _ends(self, closing: str) -> bool:
        """Skip what separates elements, and return whether the array or inline table ends here."""
        while self._take("\n") or self._take(","):
            pass
        return self._take(closing)
