"""What is worth an event: the differences between two looks at the device."""

from collections.abc import Iterator
from typing import Any, TypeAlias

from agent.telemetry.reading import Reading

Happening: TypeAlias = tuple[str, dict[str, Any]]
"""Name of an event, and its particulars."""

_LOW_DISK = 512e6  # bytes; below them little can be written down for long
_ENOUGH_DISK = 1e9
_START_SECONDS = 300.0  # in which what has happened is told by whoever looks first


class Watch:
    """Looks at readings one after the other."""

    def __init__(self) -> None:
        self._before: Reading | None = None
        self._disk_low = False
        self._told = 0  # number of the latest of the news

    def look(self, now: Reading) -> list[Happening]:
        """Return what has happened since the last reading; for the first, what the start itself has brought."""
        before, self._before = self._before, now
        if before is None:
            # Of the start itself; older ones were told by whoever reported then.
            news = [*_restraints(None, now), *self._news(now)]
            return news if now.uptime < _START_SECONDS else []
        return [
            *_engine(before, now),
            *_restraints(before, now),
            *_heat(before, now),
            *_governed(before, now),
            *self._disk(now),
            *self._news(now),
        ]

    def _news(self, now: Reading) -> Iterator[Happening]:
        for happened in now.news:
            if happened.number > self._told:
                self._told = happened.number
                yield happened.event, happened.data

    def _disk(self, now: Reading) -> Iterator[Happening]:
        free = now.sample.disk_free if now.sample else None
        if free is None:
            return
        if not self._disk_low and free < _LOW_DISK:
            self._disk_low = True
            yield "disk_low", {"free_mb": int(free / 1e6)}
        elif self._disk_low and free > _ENOUGH_DISK:
            self._disk_low = False
            yield "disk_enough", {"free_mb": int(free / 1e6)}


def _engine(before: Reading, now: Reading) -> Iterator[Happening]:
    if now.health.restarts > before.health.restarts:
        yield "engine_died", {"restarts": now.health.restarts, "detail": str(now.health.detail)}
    if now.health.status == before.health.status and now.health.model == before.health.model:
        return
    if now.health.status == "ok":
        yield "model_ready", {"model": now.health.model}
    elif now.health.status == "failed":
        yield "engine_failed", {"model": now.health.model, "detail": str(now.health.detail)}


def _restraints(before: Reading | None, now: Reading) -> Iterator[Happening]:
    was = {held.cause: held.reason for held in before.health.restraints} if before else {}
    is_now = {held.cause: held.reason for held in now.health.restraints}
    for cause, reason in is_now.items():
        if was.get(cause) != reason:
            yield "restrained", {"cause": cause, "because": str(reason)}
    for cause in was.keys() - is_now.keys():
        yield "unrestrained", {"cause": cause}


def _heat(before: Reading, now: Reading) -> Iterator[Happening]:
    if before.sample is None or now.sample is None:
        return
    was, is_now = bool(before.sample.throttled), bool(now.sample.throttled)
    if is_now and not was:
        yield "throttled", {"because": list(now.sample.throttled), "celsius": now.sample.celsius}
    elif was and not is_now:
        yield "unthrottled", {"celsius": now.sample.celsius}


def _governed(before: Reading, now: Reading) -> Iterator[Happening]:
    was, is_now = before.governed, now.governed
    if is_now.level > was.level:
        yield "slowed_down", {"power": is_now.share, "because": str(is_now.reason)}
    elif is_now.level < was.level:
        yield "sped_up", {"power": is_now.share}
