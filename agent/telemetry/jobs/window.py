"""The times of day in which the model may change."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from agent.phrase import Phrase
from agent.telemetry.clock import Clock

_HOUR, _DAY = 60, 24 * 60  # minutes


@dataclass(frozen=True)
class Window:
    """A part of each day, by the clock on the wall, in minutes since midnight; it may go over midnight."""

    begin: int
    end: int

    def is_open(self, minute: int) -> bool:
        """Tell whether this minute of the day lies in it; all do when it ends where it begins."""
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end


def never_open(windows: Sequence[str]) -> bool:
    """Tell whether there is no time of day that lies in all of these, such as `02:00-05:00`."""
    return not any(_all_open(windows, minute) for minute in range(_DAY))


def closed(windows: Sequence[str], clock: Clock) -> str:
    """Return why it is not the time now, for people; empty when it is."""
    texts = [text for text in windows if text]
    if not texts:
        return ""
    given = functools.reduce(_both, texts)
    now = clock.now()
    if now.quality == "est":
        return Phrase(
            "jobs.no_time", "This device does not know what time it is; the model may change at {window}.", window=given
        )
    local = datetime.fromtimestamp(now.ts / 1000).astimezone()
    if _all_open(windows, local.hour * _HOUR + local.minute):
        return ""
    return Phrase("jobs.window", "The model may change at {window}.", window=given)


def _both(first: str, second: str) -> str:
    return Phrase("jobs.both", "{first} and {second}", first=first, second=second)


def _all_open(windows: Sequence[str], minute: int) -> bool:
    return all(_parse(text).is_open(minute) for text in windows if text)


def _parse(text: str) -> Window:
    begin, _, end = text.partition("-")
    return Window(_minute(begin), _minute(end))


def _minute(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * _HOUR + int(minute)
