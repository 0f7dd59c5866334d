"""How many event streams are open at the same time: each holds a connection, and looks at the device every second."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from agent.errors import QueueFullError
from agent.phrase import Phrase

_MOST = 200
_MOST_OF_SESSION = 12  # a stream is that of a visible tab; browsers hold no more than six to one host over plain http
_RETRY_AFTER = 10  # seconds


class Streams:
    """The open streams of one device, counted by session; with `auth = open` there are none, and only all count."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def require_place(self, session: str) -> None:
        """Refuse another stream where there are too many.

        Raises:
            QueueFullError: they are too many, of this session or in all.
        """
        if not self._has_place(session):
            raise QueueFullError(
                Phrase("errors.too_many_pages", "Too many pages of this device are open at the same time."),
                retry_after=_RETRY_AFTER,
                hint=Phrase("errors.too_many_pages_hint", "Close some of them; the others go on."),
            )

    @contextmanager
    def place(self, session: str) -> Iterator[bool]:
        """Count a stream while the block runs; gives False when others have taken the last place meanwhile."""
        found = self._has_place(session)
        self._open[session] += found
        try:
            yield found
        finally:
            self._open[session] -= found
            if not self._open[session]:
                del self._open[session]

    def _has_place(self, session: str) -> bool:
        return self._open.total() < _MOST and (not session or self._open[session] < _MOST_OF_SESSION)
