"""What Edgewise says in English, in a form from which pages can say it in other languages."""

from collections.abc import Mapping
from typing import Self


class Phrase(str):
    """A text in English that remembers what it is made of. Everywhere else it is the text.

    msgspec encodes no subclass of `str` by itself: an encoder for what may hold phrases needs `enc_hook=str`.

    Attributes:
        code: the key of its translations below `web/locales`, such as `errors.file_empty`.
        values: what was filled in, by name; phrases among them have translations of their own.
    """

    __slots__ = ("code", "values")
    code: str
    values: Mapping[str, object]

    def __new__(cls, code: str, english: str, /, **values: object) -> Self:
        """Fill the values into the English template."""
        phrase = super().__new__(cls, english.format(**values) if values else english)
        phrase.code, phrase.values = code, values
        return phrase

    @classmethod
    def again(cls, code: str, text: str, values: Mapping[str, object]) -> Self:
        """Return a phrase that was kept somewhere, from its parts; the values stand in the text already."""
        phrase = super().__new__(cls, text)
        phrase.code, phrase.values = code, values
        return phrase


def joined(*phrases: str) -> str:
    """Return sentences after each other; those that are empty are left out."""
    said = [phrase for phrase in phrases if phrase]
    if not said:
        return ""
    text = said[0]
    for phrase in said[1:]:
        text = Phrase("errors.then", "{first} {second}", first=text, second=phrase)
    return text
