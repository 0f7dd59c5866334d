"""From the bytes of a file to its text, for everything that is text."""

import codecs
import re

from agent.errors import InputError
from agent.phrase import Phrase

ACCEPTED = Phrase("errors.accepted_files", "Text, Markdown, code, CSV, JSON, HTML and PDF files can be attached.")

_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")  # what is left are blanks, and the escape of coloured logs
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_LEAST_ASCII = 0.7  # of a text in Windows-1252; less of it is another old encoding, which would become nonsense


def decode(name: str, content: bytes) -> str:
    """Return the text of a file in UTF-8, in UTF-16 with its mark, or in Windows-1252 (with Latin-1 in it).

    Raises:
        InputError: it is no text, or in an encoding that cannot be told from others.
    """
    encoding = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = _decode_old(name, content)
    if _BINARY.search(text):
        raise InputError(Phrase("errors.not_text", "{name} is not a text.", name=name), field="file", hint=ACCEPTED)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decode_old(name: str, content: bytes) -> str:
    ascii_bytes = sum(byte < 0x80 for byte in content)  # noqa: PLR2004 - where ASCII ends
    try:
        if b"\0" not in content and ascii_bytes >= _LEAST_ASCII * len(content):
            return content.decode("cp1252")
    except UnicodeDecodeError:  # five bytes have no meaning in it
        pass
    raise InputError(
        Phrase("errors.not_utf8", "{name} is not a text in UTF-8.", name=name),
        field="file",
        hint=Phrase("errors.not_utf8_hint", "{accepted} Save texts as UTF-8.", accepted=ACCEPTED),
    )
