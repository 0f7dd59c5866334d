"""Emphasis on terminals that can show it; plain text everywhere else."""

import sys
from dataclasses import dataclass

from agent.config import colour_wanted

_RESET = "\x1b[0m"


@dataclass(frozen=True)
class Style:
    """Wraps texts in escape sequences, or leaves them as they are."""

    on: bool

    def bold(self, text: str) -> str:
        """Return a text that stands out."""
        return self._wrap("1", text)

    def dim(self, text: str) -> str:
        """Return a text of less importance."""
        return self._wrap("2", text)

    def good(self, text: str) -> str:
        """Return a text that says that something is well."""
        return self._wrap("32", text)

    def bad(self, text: str) -> str:
        """Return a text that says that something is not."""
        return self._wrap("33", text)

    def _wrap(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}{_RESET}" if self.on and text else text


def style() -> Style:
    """Return the style for standard output: plain when it is no terminal or the user wants no colour."""
    return Style(on=sys.stdout.isatty() and colour_wanted())
