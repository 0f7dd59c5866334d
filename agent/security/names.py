"""Names of people and keys: what can be one, and when two are the same."""

import unicodedata

from agent.errors import InputError

MOST_CHARACTERS = 40


def checked_name(text: str) -> str:
    """Return a name in one Unicode form and without needless spaces.

    Raises:
        InputError: it is empty, too long, or has characters that do not show.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not 1 <= len(name) <= MOST_CHARACTERS or not name.isprintable():
        raise InputError(f"A name has 1 to {MOST_CHARACTERS} characters, and none that does not show.", field="name")
    return name


def folded(name: str) -> str:
    """Return what two names have in common when they are the same to people: no case, no needless spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
