"""Letters without case and accents, one for one, so that positions stay what they are."""

import unicodedata


class _Folding(dict[int, int]):
    """What `str.translate` puts in the place of a character; worked out when a character is first met."""

    def __missing__(self, code: int) -> int:
        base = unicodedata.normalize("NFD", chr(code))[0].lower()[0]
        return self.setdefault(code, ord(base))


_FOLDING = _Folding()


def fold(text: str) -> str:
    """Return the text in small letters without accents, of the same length: `Köln` is `koln`."""
    return text.lower() if text.isascii() else text.translate(_FOLDING)
