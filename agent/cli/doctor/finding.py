"""What `edgewise doctor` says of one thing."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["ok", "warn", "bad"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: ok; warn: it works, but not as well or not for as long as it could; bad: something does not work.
        what: what was found.
        advice: what to do about it.
        see: the heading in docs/troubleshooting.md that explains it; empty: there is nothing to explain.
        public: `what` for strangers, where that names something of the owner's.
    """

    level: Level
    what: str
    advice: str = ""
    see: str = ""
    public: str = ""


def ok(what: str, advice: str = "", *, public: str = "") -> Finding:
    """Return that something is in order."""
    return Finding("ok", what, advice, public=public)


def warn(see: str, what: str, advice: str, *, public: str = "") -> Finding:
    """Return that something works, and should be seen to."""
    return Finding("warn", what, advice, see, public)


def bad(see: str, what: str, advice: str, *, public: str = "") -> Finding:
    """Return that something does not work."""
    return Finding("bad", what, advice, see, public)
