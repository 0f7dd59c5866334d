"""Files of conversations: one module per format, found by its name.

A module that reads has `accepts` and `read` (`Reader`), one that writes `SUFFIX`, `MEDIA_TYPE` and `write` (`Writer`).
"""

import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Protocol, TypeAlias, cast

import msgspec

from agent.chat.portable import PortableConversation
from agent.chat.tidying import tidy
from agent.errors import InputError, NotFoundError
from agent.phrase import Phrase
from agent.units import format_bytes

LARGEST = 50 << 20
"""Bytes that a file may have."""

_Entries: TypeAlias = list[msgspec.Raw]

_KNOWN = Phrase(
    "errors.import_known",
    "Conversations exported from Edgewise, ChatGPT (conversations.json) and Open WebUI can be imported.",
)
_EMPTY = Phrase("errors.import_empty", "The file is empty.")
_NOTHING = Phrase("errors.import_nothing", "There is no conversation in the file.")
_NOT_JSON = Phrase("errors.import_not_json", "The file is not JSON, or damaged.")
_STRANGE = Phrase("errors.import_strange", "The file is of no known format.")
# All escapes of a JSON string from left to right, so that a backslash before one is not taken for its beginning.
_ESCAPE = re.compile(
    rb"\\(?:(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)


class Reader(Protocol):
    """What a module offers whose format can be imported."""

    def accepts(self, names: frozenset[str]) -> bool:
        """Tell whether an entry with these names is of this format."""
        ...

    def read(self, entry: msgspec.Raw) -> Iterable[PortableConversation]:
        """Yield the conversations of one entry of the file: of the list that it is, or of all of it.

        Raises:
            InputError: it is of this format, but of a version that we do not know.
            msgspec.MsgspecError: it is not what the format demands.
        """
        ...


class Writer(Protocol):
    """What a module offers whose format can be exported."""

    SUFFIX: str
    MEDIA_TYPE: str

    def write(self, conversation: PortableConversation) -> bytes:
        """Return the file of one conversation."""
        ...


def writer(name: str) -> Writer:
    """Return what writes the format of that name.

    Raises:
        NotFoundError: there is no such format, or it cannot be written.
    """
    module = _modules().get(name)
    if module is None or not hasattr(module, "write"):
        raise NotFoundError(
            Phrase("errors.no_export_format", "Conversations cannot be exported as {name!r}.", name=name)
        )
    return cast("Writer", module)


def detect_and_read(data: bytes) -> list[PortableConversation]:
    """Return the conversations of a file of any known format, tidied.

    Raises:
        InputError: it is too large, empty, damaged or of no known format.
    """
    if len(data) > LARGEST:
        raise _refusal(
            Phrase(
                "errors.import_too_large",
                "The file has {size}; at most {most} can be imported.",
                size=format_bytes(len(data)),
                most=format_bytes(LARGEST),
            )
        )
    entries = _entries(data)
    reader = _reader(entries)
    found = [tidied for number, entry in enumerate(entries, start=1) for tidied in _read(reader, entry, number)]
    if not found:
        raise _refusal(_NOTHING)
    return found


def _read(reader: Reader, entry: msgspec.Raw, number: int) -> Iterator[PortableConversation]:
    try:
        for conversation in reader.read(entry):
            if tidied := tidy(conversation):
                yield tidied
    except (ValueError, RecursionError) as error:  # those of msgspec, and of UTF-8 among them
        raise _refusal(
            Phrase(
                "errors.import_entry", "Entry {number} of the file cannot be read: {error}.", number=number, error=error
            )
        ) from error


def _entries(data: bytes) -> _Entries:
    """Return the entries of the list that the file is, or the one object that it is."""
    if data.startswith(b"PK\x03\x04"):
        raise _refusal(
            Phrase("errors.import_zip", "The file is a ZIP archive."),
            hint=Phrase("errors.import_zip_hint", "Unpack it and choose the file conversations.json in it."),
        )
    data = data.removeprefix(b"\xef\xbb\xbf").strip()
    try:
        try:
            return _decode(data)
        except ValueError:  # half a character at the end of a title that was cut makes all of it invalid
            return _decode(_ESCAPE.sub(lambda found: rb"\ufffd" if found[2] else found[0], data))
    except (ValueError, RecursionError) as error:
        raise _refusal(_NOT_JSON if data else _EMPTY) from error


def _decode(data: bytes) -> _Entries:
    return msgspec.json.decode(data, type=_Entries) if data.startswith(b"[") else [_object(data)]


def _object(data: bytes) -> msgspec.Raw:
    return msgspec.json.decode(data, type=msgspec.Raw)


def _reader(entries: _Entries) -> Reader:
    try:
        names = frozenset(msgspec.json.decode(entries[0], type=dict[str, msgspec.Raw])) if entries else frozenset()
    except (ValueError, RecursionError):
        names = frozenset()
    for module in _modules().values():
        if hasattr(module, "accepts") and cast("Reader", module).accepts(names):
            return cast("Reader", module)
    raise _refusal(_STRANGE if entries else _NOTHING)


def _modules() -> dict[str, ModuleType]:
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}


def _refusal(message: str, *, hint: str = _KNOWN) -> InputError:
    return InputError(message, field="file", hint=hint)
