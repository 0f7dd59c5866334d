"""What kind of caller a path is for, and where a person may be sent next."""

import re
from urllib.parse import urlsplit

MOST_OF_STRANGERS = 16 * 1024
"""Bytes that somebody may send who is not signed in; some characters of a name become eighteen when it is compared."""

METRICS = "/metrics"
# The last three are for clients that leave out /v1.
_PROGRAMS = re.compile(r"/(v1|api|metrics|completions|chat/completions|embeddings)(/|$)")
_SUPERVISORS = {"/healthz", "/health", "/v1/health"}
_WITHIN = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")  # browsers read `/\` as `//`, and drop tabs and line ends


def is_api(path: str) -> bool:
    """Tell whether a path is for programs: they have keys and read JSON; all others are for people."""
    return _PROGRAMS.match(path) is not None or is_health(path)


def is_health(path: str) -> bool:
    """Tell whether a path says how the device is."""
    return path in _SUPERVISORS


def path_of(address: str) -> str:
    """Return path and query of an address that a browser has sent; empty when it is none."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def within(path: str) -> str:
    """Return a path if it leads to a page of ours, else the one of the start page: no open redirects."""
    return path if _WITHIN.fullmatch(path) and not is_api(path) else "/"
