"""How the device is doing: looked at every few seconds, kept for an hour in detail and for a day in outline."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.hardware import memory, thermal
from agent.hardware.tree import Tree
from agent.hardware.usage import CpuTimes, cpu_times, megahertz, resident
from agent.history import Combine, History

INTERVAL = 5.0  # seconds between two looks
_HOUR, _DAY = 3600.0, 86_400.0
_DAY_STEP = 120.0

# What is kept over time. Of the temperature the highest counts: an average hides what makes a board slow.
_VALUES: Mapping[str, Combine] = {
    "celsius": "max",
    "cpu": "mean",
    "used": "mean",
    "rate": "mean",
}


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the engine does: requests, of these the waiting ones, tokens decoded so far, its process or 0."""

    active: int
    waiting: int
    tokens: int
    engine_pid: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the device. None is what could not be read.

    Attributes:
        celsius: of the hottest sensor.
        limit: of that sensor, in degrees Celsius.
        throttled: what holds the processor back now, in words.
        throttled_before: what has done so since the last boot.
        cpu: share of its time that the processor was busy since the last look, 0 to 1.
        megahertz: of the fastest CPU.
        total: bytes of memory that may be used at all.
        available: bytes of it that are free for more.
        daemon: bytes that this process has.
        engine: bytes that the engine process has.
        active: requests being answered.
        waiting: requests that wait for a place.
        rate: tokens per second that were decoded since the last look, by all answers together.
    """

    celsius: float | None
    limit: float | None
    throttled: tuple[str, ...]
    throttled_before: tuple[str, ...]
    cpu: float | None
    megahertz: float | None
    total: int
    available: int
    daemon: int
    engine: int
    active: int
    waiting: int
    rate: float | None

    def values(self) -> dict[str, float | None]:
        """Return what is kept over time."""
        used = 1 - self.available / self.total if self.total else None
        return {"celsius": self.celsius, "cpu": self.cpu, "used": used, "rate": self.rate}


class Vitals:
    """Looks at the device while `run` runs; the engine is asked by `read`, in the event loop."""

    def __init__(self, root: Path, read: Callable[[], Traffic], clock: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._read = read
        self._clock = clock
        self._sample: Sample | None = None
        self._times: CpuTimes | None = None
        self._tokens: tuple[float, int] | None = None
        self._hour = History(INTERVAL, round(_HOUR / INTERVAL), _VALUES)
        self._day = History(_DAY_STEP, round(_DAY / _DAY_STEP), _VALUES)

    async def run(self) -> None:
        """Look every few seconds until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL)

    async def look(self) -> None:
        """Look once; some sensors are slow, so a thread waits for them."""
        traffic, now = self._read(), self._clock()
        self._sample = await asyncio.to_thread(self._look, traffic, now)
        for history in (self._hour, self._day):
            history.add(now, self._sample.values())

    def now(self) -> Sample | None:
        """Return the latest look; None before the first."""
        return self._sample

    def hour(self) -> History:
        """Return the values of the last hour."""
        return self._hour

    def day(self) -> History:
        """Return the values of the last day."""
        return self._day

    def _look(self, traffic: Traffic, now: float) -> Sample:
        tree = Tree(self._root)
        heat, room, times = thermal.find(tree), memory.find(tree), cpu_times(tree)
        hottest = max(heat.zones, key=lambda zone: zone.celsius, default=None)
        share, self._times = times.share_since(self._times), times
        return Sample(
            celsius=hottest.celsius if hottest else None,
            limit=hottest.limit if hottest else None,
            throttled=tuple(heat.throttled),
            throttled_before=tuple(word for word in heat.throttled_before if word not in heat.throttled),
            cpu=share,
            megahertz=megahertz(tree),
            total=min(room.total, room.limit) if room.limit else room.total,
            available=room.usable,
            daemon=resident(tree, "self"),
            engine=resident(tree, traffic.engine_pid) if traffic.engine_pid else 0,
            active=max(0, traffic.active - traffic.waiting),
            waiting=traffic.waiting,
            rate=self._rate(traffic.tokens, now),
        )

    def _rate(self, tokens: int, now: float) -> float | None:
        before, self._tokens = self._tokens, (now, tokens)
        if before is None or now <= before[0] or tokens < before[1]:
            return None
        return (tokens - before[1]) / (now - before[0])
