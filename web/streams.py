"""How many event streams are open at the same time: each holds a connection, and looks at the device every second."""

from collections import Counter
from collections.abc import Callable

from agent.errors import QueueFullError
from agent.phrase import Phrase

_MOST = 200
_MOST_OF_SESSION = 12  # a stream is that of a visible tab; browsers hold no more than six to one host over plain http
_RETRY_AFTER = 10  # seconds


class Streams:
    """The open streams of one device, counted by session; with `auth = open` there are none, and only all count."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def take(self, session: str) -> Callable[[], None]:
        """Count one more stream from now on; returns what counts it no longer, the first time that it is called.

        Raises:
            QueueFullError: they are too many, of this session or in all.
        """
        if self._open.total() >= _MOST or (session and self._open[session] >= _MOST_OF_SESSION):
            raise QueueFullError(
                Phrase("errors.too_many_pages", "Too many pages of this device are open at the same time."),
                retry_after=_RETRY_AFTER,
                hint=Phrase("errors.too_many_pages_hint", "Close some of them; the others go on."),
            )
        self._open[session] += 1
        places = [session]

        def give_back() -> None:
            while places:
                self._open.subtract([places.pop()])
                self._open += Counter()  # forgets who has none

        return give_back
