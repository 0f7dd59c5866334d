"""Tells the open pages of a person that something has changed, so that every tab and device shows the same."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Subscription:
    """What one page has not been told yet.

    Attributes:
        wake: set whenever there is news.
        listing: whether the list of conversations has changed.
        threads: conversations whose messages have changed.
    """

    wake: asyncio.Event
    listing: bool = False
    threads: set[str] = field(default_factory=set)


class Feed:
    """News by person."""

    def __init__(self) -> None:
        self._subscriptions: dict[str, set[Subscription]] = {}

    @contextmanager
    def subscribe(self, user_id: str, wake: asyncio.Event) -> Iterator[Subscription]:
        """Collect news for a page while the block runs."""
        subscription = Subscription(wake)
        others = self._subscriptions.setdefault(user_id, set())
        others.add(subscription)
        try:
            yield subscription
        finally:
            others.discard(subscription)
            if not others:
                self._subscriptions.pop(user_id, None)

    def changed(self, user_id: str, conversation_id: str | None = None) -> None:
        """Note that the list of conversations has changed, or the messages of one of them."""
        for subscription in self._subscriptions.get(user_id, ()):
            subscription.listing = True
            if conversation_id is not None:
                subscription.threads.add(conversation_id)
            subscription.wake.set()
