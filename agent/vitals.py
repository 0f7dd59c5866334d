"""How the device is doing: looked at every few seconds, kept for an hour in detail and for a day in outline."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.energy import Energy
from agent.hardware import disk, memory, power, pressure, thermal
from agent.hardware.pressure import NO_PRESSURE, Pressure
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
        pressure: how much processor, memory and disk are fought for.
        watts: power drawn now, mean since the last look where the board counts energy.
        watts_of: what draws it, see `agent.hardware.power.Of`.
        joules: energy drawn since the daemon was started.
        joules_per_token: energy per token, of the last few minutes in which tokens were decoded.
        disk_free: bytes that are free for more of what Edgewise keeps.
        disk_worn: share of its life that an eMMC has behind it, by its own account, 0 to 1 in steps of a tenth.
        written: bytes that the daemon and its engine have written to disks since the daemon was started.
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
    pressure: Pressure = NO_PRESSURE
    watts: float | None = None
    watts_of: power.Of = ""
    joules: float | None = None
    joules_per_token: float | None = None
    disk_free: int | None = None
    disk_worn: float | None = None
    written: int | None = None

    def values(self) -> dict[str, float | None]:
        """Return what is kept over time."""
        used = 1 - self.available / self.total if self.total else None
        return {"celsius": self.celsius, "cpu": self.cpu, "used": used, "rate": self.rate}


class Written:
    """What the daemon and all its engines have written to disks."""

    def __init__(self) -> None:
        self._engines: dict[int, int] = {}

    def add(self, tree: Tree, engine: int) -> int | None:
        """Return the bytes so far, with those of an engine process that runs now, 0 for none; None when unknown."""
        count = disk.written(tree, engine) if engine else None
        if count is not None:
            self._engines[engine] = count
        own = disk.written(tree, "self")
        return own + sum(self._engines.values()) if own is not None else None


class Vitals:
    """Looks at the device while `run` runs; the engine is asked by `read`, in the event loop."""

    def __init__(
        self,
        root: Path,
        read: Callable[[], Traffic],
        clock: Callable[[], float] = time.monotonic,
        *,
        disk: Path | None = None,
    ) -> None:
        self._root = root
        self._disk = disk
        self._read = read
        self._clock = clock
        self._began = clock()
        self._sample: Sample | None = None
        self._times: CpuTimes | None = None
        self._tokens: tuple[float, int] | None = None
        self._meters: list[power.Source] | None = None
        self._energy = Energy()
        self._written = Written()
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

    def uptime(self) -> float:
        """Return the seconds since the daemon was started."""
        return self._clock() - self._began

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
        drawn = self._draw(tree, traffic.tokens, now)
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
            pressure=pressure.find(tree),
            watts=self._energy.watts,
            watts_of=drawn.of,
            joules=self._energy.joules,
            joules_per_token=self._energy.per_token,
            disk_free=disk.free(self._disk) if self._disk else None,
            disk_worn=disk.worn(tree),
            written=self._written.add(tree, traffic.engine_pid),
        )

    def _draw(self, tree: Tree, tokens: int, now: float) -> power.Drawn:
        if self._meters is None:
            self._meters = power.sources(tree)
        drawn = power.find(tree, self._meters)
        self._energy.add(now, tokens, drawn)
        return drawn

    def _rate(self, tokens: int, now: float) -> float | None:
        before, self._tokens = self._tokens, (now, tokens)
        if before is None or now <= before[0] or tokens < before[1]:
            return None
        return (tokens - before[1]) / (now - before[0])
