"""Text as the parser wants it, and how much of it is worth parsing."""

import re

LIMIT = 60_000
"""Characters that are formatted. A model writes about four per token; what comes after them is shown as it is."""

_LINE_END = re.compile(r"\r\n?")


def clean(text: str) -> str:
    """Return a text with one kind of line end, and without what is no character."""
    if "\r" in text:
        text = _LINE_END.sub("\n", text)
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    # Halves of surrogate pairs come from JSON such as "\ud83d"; they cannot be encoded.
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
