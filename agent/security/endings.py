"""Tells at once who listens that a session has ended, so that its event streams close."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Endings:
    """Sessions that are watched. Used in the event loop only."""

    def __init__(self) -> None:
        self._watched: dict[str, set[asyncio.Event]] = {}

    @contextmanager
    def watch(self, session_id: str) -> Iterator[asyncio.Event]:
        """Give an event that is set when the session ends."""
        ended = asyncio.Event()
        self._watched.setdefault(session_id, set()).add(ended)
        try:
            yield ended
        finally:
            watchers = self._watched[session_id]
            watchers.remove(ended)
            if not watchers:
                del self._watched[session_id]

    def tell(self, session_ids: Iterable[str]) -> None:
        """Tell everybody who watches one of these sessions that it has ended."""
        for session_id in session_ids:
            for ended in self._watched.get(session_id, ()):
                ended.set()
