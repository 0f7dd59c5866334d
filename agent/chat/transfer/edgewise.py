"""Our own format: JSON with everything in it but what the pages make anew."""

from collections.abc import Iterator

import msgspec

from agent.chat.portable import PortableConversation
from agent.errors import InputError
from agent.phrase import Phrase

SUFFIX = ".json"
MEDIA_TYPE = "application/json"

FORMAT = "edgewise-conversations"
VERSION = 1
BEGIN = b'{"format":"%s","version":%d,"conversations":[\n' % (FORMAT.encode(), VERSION)
BETWEEN = b",\n"
END = b"\n]}\n"


class _Document(msgspec.Struct, frozen=True):
    format: str
    version: int
    conversations: list[msgspec.Raw]


def accepts(names: frozenset[str]) -> bool:
    """Tell whether an entry with these names is of this format."""
    return {"format", "version", "conversations"} <= names


def read(entry: msgspec.Raw) -> Iterator[PortableConversation]:
    """Yield the conversations of a file.

    Raises:
        InputError: it was made by a newer version.
        msgspec.MsgspecError: it is not what the format demands.
    """
    document = msgspec.json.decode(entry, type=_Document)
    if document.format != FORMAT or document.version > VERSION:
        raise InputError(
            Phrase(
                "errors.import_newer",
                "The file says {format} {version}; this device knows {known} up to {newest}.",
                format=document.format,
                version=document.version,
                known=FORMAT,
                newest=VERSION,
            ),
            field="file",
            hint=Phrase("errors.import_newer_hint", "Update this device, then import it."),
        )
    for conversation in document.conversations:
        yield msgspec.json.decode(conversation, type=PortableConversation)


def write(conversation: PortableConversation) -> bytes:
    """Return the file of one conversation."""
    return BEGIN + msgspec.json.encode(conversation) + END
