"""The latest lines of the log, in memory, for the page that shows them."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from agent.ring import Ring

_RECORDS = 2000
_BYTES = 1 << 20
_LONGEST = 8192  # characters of one text
_HEAD = Struct("<QdHH")  # number, time, level, bytes of the name of the logger
_CODING = ("utf-8", "surrogatepass")  # names of files may be no text


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log: its number from 1 on, seconds since 1970, severity, who wrote it, what."""

    number: int
    time: float
    level: int
    logger: str
    text: str

    @property
    def severity(self) -> str:
        """The level as a word: `debug`, `info`, `warning`, `error`."""
        return logging.getLevelName(self.level).lower()


class Journal(logging.Handler):
    """A handler that keeps the latest records; the oldest go first."""

    def __init__(self) -> None:
        super().__init__()
        self._ring = Ring(_BYTES, _RECORDS)
        self._last = 0
        self._traceback = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record (called by logging, under this handler's lock)."""
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self._traceback.formatException(record.exc_info)}"
        self._last += 1
        name = record.name.encode(*_CODING)
        head = _HEAD.pack(self._last, record.created, record.levelno, len(name))
        self._ring.append(head + name + text[:_LONGEST].encode(*_CODING))

    def find(self, *, level: int = 0, text: str = "") -> list[Entry]:
        """Return the entries of at least this level in which the text occurs, the oldest first."""
        self.acquire()
        try:
            entries = list(map(_entry, self._ring))
        finally:
            self.release()
        return list(_matching(entries, level, text.casefold()))

    @property
    def last(self) -> int:
        """Number of the latest entry; 0 before the first. What has changed since a look is told by it."""
        return self._last


def _entry(record: bytes) -> Entry:
    number, time, level, length = _HEAD.unpack_from(record)
    name, text = record[_HEAD.size : _HEAD.size + length], record[_HEAD.size + length :]
    return Entry(number, time, level, name.decode(*_CODING), text.decode(*_CODING))


def _matching(entries: list[Entry], level: int, text: str) -> Iterator[Entry]:
    for entry in entries:
        if entry.level >= level and (text in entry.text.casefold() or text in entry.logger.casefold()):
            yield entry
