"""What strangers may read: no secrets, no names, no addresses, no places on this disk.

Findings that name something of the owner's have another wording for strangers. This is the second wall, for what came
from elsewhere: errors of brokers, of the kernel, of libraries.
"""

import getpass
import re
import socket
from pathlib import Path

from agent.telemetry.redacting import redacted

_SHORTEST = 3  # letters of a name; shorter ones are parts of words
_IPV6 = r"\[[0-9a-f:.]*:[0-9a-f:.]+\](?::\d+)?|\b(?:[0-9a-f]{1,4}:){2,}[0-9a-f:]*[0-9a-f]"
_AT_HOME = r"\b[\w-]+(?:\.[\w-]+)*\.(?:local|lan|home|internal|arpa|fritz\.box)\b\.?(?::\d+)?"
_PATTERNS = (
    (r"\b[\w.+-]+@[\w-]+\.[\w.-]+", "(address)"),
    (r"\b([a-z][a-z0-9+.-]*)://[^\s'\"`)]*[^\s'\"`).:,;]", r"\1://(host)"),
    (r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", "(address)"),
    (r"\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d+)?", "(address)"),
    (_IPV6, "(address)"),
    (_AT_HOME, "(host)"),
    (r"(?<![\w.])/(?:home|root|Users|media|mnt|srv|tmp|var|run|opt|etc)(?:/[^\s'\"`:,;)]*)?", "(path)"),
)


def for_strangers(text: str) -> str:
    """Return a text without what opens doors or says whose device this is."""
    text = redacted(text)
    for pattern, instead in _PATTERNS:
        text = re.sub(pattern, instead, text, flags=re.IGNORECASE)
    for name in _names():
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "(name)", text, flags=re.IGNORECASE)
    return text


def _names() -> list[str]:
    """Return how this computer and its user are called."""
    full = socket.gethostname()
    found = {full, full.partition(".")[0], Path.home().name, _user()}
    return sorted((name for name in found if len(name) >= _SHORTEST and name != "root"), key=len, reverse=True)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in containers
        return ""
