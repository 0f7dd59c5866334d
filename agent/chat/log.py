"""The event log of one answer: viewers attach to it at any time, and miss nothing."""

import asyncio

from agent.chat.events import Delta, Event, Think

_GATHER_SECONDS = 0.04  # that deltas are gathered into one: a page is drawn 25 times a second, whatever the model does
_MAX_CHARACTERS = 1_000_000  # kept; viewers that are further behind get a snapshot


class EventLog:
    """Events, numbered from 1. `watchers` are set whenever there is something new."""

    def __init__(self) -> None:
        self.watchers: set[asyncio.Event] = set()
        self._events: list[Event] = []
        self._dropped = 0
        self._characters = 0
        self._held: Delta | Think | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def last(self) -> int:
        """Number of the latest event; 0 before the first."""
        return self._dropped + len(self._events)

    def append(self, event: Event) -> None:
        """Add an event; text is held back for a moment, since more of it is likely to come."""
        held = self._held
        if held is not None and type(event) is type(held):
            self._held = type(held)(held.text + event.text)
            return
        self.flush()
        if isinstance(event, Delta | Think):
            self._held = event
            self._timer = asyncio.get_running_loop().call_later(_GATHER_SECONDS, self.flush)
        else:
            self._add(event)

    def since(self, number: int) -> list[Event] | None:
        """Return the events after that one; None when they are not kept any more, or never were."""
        if not self._dropped <= number <= self.last:
            return None
        return self._events[number - self._dropped :]

    def flush(self) -> None:
        """Add what is held back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._held is not None:
            held, self._held = self._held, None
            self._add(held)

    def _add(self, event: Event) -> None:
        self._events.append(event)
        self._characters += _size(event)
        if self._characters > _MAX_CHARACTERS:
            half = len(self._events) // 2
            self._characters -= sum(_size(event) for event in self._events[:half])
            self._dropped += half
            del self._events[:half]
        for watcher in self.watchers:
            watcher.set()


def _size(event: Event) -> int:
    return len(getattr(event, "text", "")) + len(getattr(event, "html", "")) + 50
