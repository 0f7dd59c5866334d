"""The latest lines of the log, in memory, for the page that shows them."""

import itertools
import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

_RECORDS = 2000
_BYTES = 1 << 20  # of all texts together; a traceback may be long
_LONGEST = 8192  # characters of one text


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
        self._entries: deque[Entry] = deque(maxlen=_RECORDS)
        self._bytes = 0
        self._numbers = itertools.count(1)
        self._traceback = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record (called by logging, under this handler's lock)."""
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self._traceback.formatException(record.exc_info)}"
        entry = Entry(next(self._numbers), record.created, record.levelno, record.name, text[:_LONGEST])
        if len(self._entries) == _RECORDS:
            self._forget()
        self._entries.append(entry)
        self._bytes += len(entry.text)
        while self._bytes > _BYTES:
            self._forget()

    def find(self, *, level: int = 0, text: str = "") -> list[Entry]:
        """Return the entries of at least this level in which the text occurs, the oldest first."""
        self.acquire()
        try:
            entries = list(self._entries)
        finally:
            self.release()
        return list(_matching(entries, level, text.casefold()))

    @property
    def last(self) -> int:
        """Number of the latest entry; 0 before the first. What has changed since a look is told by it."""
        return self._entries[-1].number if self._entries else 0

    def _forget(self) -> None:
        self._bytes -= len(self._entries.popleft().text)


def _matching(entries: list[Entry], level: int, text: str) -> Iterator[Entry]:
    for entry in entries:
        if entry.level >= level and (text in entry.text.casefold() or text in entry.logger.casefold()):
            yield entry
