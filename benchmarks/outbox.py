"""History that waits for the broker: what it costs the disk, and how fast it goes out.

    outbox.py [--days N]

card          bytes that the disk gets per sample offline, of 35 values every 10 s, in whole pages of 4 kB
together      bytes that are written for one when 60 are written together
delivered     the same as `together` while the broker takes each sample at once
disk          MiB of outbox.db and its log after N days offline; lost: samples that did not come out of it
thinned       the same where only 2 MiB are allowed; dropped: samples that were given up for that
replay        samples per second, out of the outbox and acknowledged, in messages of 5 kB
append        microseconds of processor time per sample, all of the above included
"""

import argparse
import os
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.telemetry.clock import Clock
from agent.telemetry.payloads import Value
from agent.telemetry.waiting.kinds import MIB, Limits
from agent.telemetry.waiting.ledger import Ledger

INTERVAL = 10.0  # seconds between two samples
_DAY = 86_400.0
_SMALL = 2 * MIB
_START = 1_795_300_000.0


@dataclass
class Simulated:
    """Clocks that run as fast as the samples are made."""

    boot: str = "kernel"
    up: float = 100.0

    def mono(self) -> float:
        return self.up

    def wall(self) -> float:
        return _START + self.up

    def synchronised(self) -> bool:
        return True


def samples(count: int) -> Iterator[dict[str, Value]]:
    """Yield what a device reports: six loads, six temperatures, five totals, 16 values that stay, and two texts."""
    chance = random.Random(1)  # noqa: S311 - no secret
    degrees = [chance.uniform(30, 60) for _ in range(6)]
    for number in range(count):
        degrees = [each + chance.gauss(0, 0.3) for each in degrees]
        loads: dict[str, Value] = {f"load_{name}": round(chance.uniform(0, 100), 1) for name in range(6)}
        temperatures: dict[str, Value] = {f"celsius_{name}": round(each, 1) for name, each in enumerate(degrees)}
        totals: dict[str, Value] = {f"total_{name}": number * name * 7 for name in range(5)}
        steady: dict[str, Value] = {f"steady_{name}": 20_000 + name for name in range(16)}
        yield {**loads, **temperatures, **totals, **steady, "engine": "ready", "model": "qwen2.5-1.5b-instruct:Q4_K_M"}


def written(name: str = "wchar") -> int:
    """Return the bytes that this process has written, or with `write_bytes` those that disks get."""
    found = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(found[name])


@dataclass
class Outage:
    """An outbox that fills while nobody takes anything."""

    folder: Path
    limits: Limits
    days: float

    def __post_init__(self) -> None:
        self.clock = Simulated()
        self.box = Ledger(self.folder / "outbox.db", self.limits, Clock(None, self.clock), "run")
        self.box.open()
        self.rows = round(self.days * _DAY / INTERVAL)
        before, began = written(), time.process_time()
        for values in samples(self.rows):
            self.box.append("telemetry", Clock(None, self.clock).now(), values=values)
            self.clock.up += INTERVAL
        self.box.tick()
        self.seconds = time.process_time() - began
        self.written = (written() - before) / self.rows

    def disk(self) -> int:
        return sum(file.stat().st_size for file in self.folder.glob("outbox.db*"))

    def replay(self) -> tuple[int, float]:
        """Return the items that came out, and how long that took."""
        count, began = 0, time.perf_counter()
        while batch := self.box.take("telemetry", 60, 5000):
            count += len(batch.items)
            self.box.done(batch)
        return count, time.perf_counter() - began


def delivered(folder: Path, rows: int) -> float:
    """Return the bytes written per sample while each is acknowledged before the next."""
    clock = Simulated()
    box = Ledger(folder / "outbox.db", Limits(free=0), Clock(None, clock), "run")
    box.open()
    before = written()
    for values in samples(rows):
        box.append("telemetry", Clock(None, clock).now(), values=values)
        batch = box.take("telemetry", 60, 5000)
        if batch is not None:
            box.done(batch)
        clock.up += INTERVAL
    return (written() - before) / rows


def card(folder: Path, days: float) -> float:
    """Return the bytes that the disk gets per sample offline; 0 where the folder is in memory.

    Each minute is on the disk before the next one is written, as it is on a device, where that takes half a minute.
    """
    clock = Simulated()
    box = Ledger(folder / "outbox.db", Limits(free=0), Clock(None, clock), "run")
    box.open()
    rows = round(days * _DAY / INTERVAL)
    before = written("write_bytes")
    for number, values in enumerate(samples(rows)):
        box.append("telemetry", Clock(None, clock).now(), values=values)
        clock.up += INTERVAL
        if number % 6 == 5:  # noqa: PLR2004 - the first of six has waited for a minute
            box.tick()
            for file in folder.glob("outbox.db*"):
                with file.open("rb") as opened:
                    os.fdatasync(opened.fileno())
    return (written("write_bytes") - before) / rows


def measure(folder: Path, days: float) -> dict[str, float]:
    """Return the figures by name."""
    for name in ("week", "small", "connected", "card"):
        (folder / name).mkdir()
    week = Outage(folder / "week", Limits(age=days * 2 * _DAY, free=0), days)
    disk = week.disk()
    count, seconds = week.replay()
    small = Outage(folder / "small", Limits(size=_SMALL, age=days * 2 * _DAY, free=0), days)
    return {
        "card": card(folder / "card", min(days, 1.0)),
        "together": week.written,
        "delivered": delivered(folder / "connected", 8640),
        "disk": disk / MIB,
        "lost": week.rows - count,
        "thinned": small.disk() / MIB,
        "dropped": small.box.stats.dropped,
        "replay": count / seconds,
        "append": week.seconds / week.rows * 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=float, default=7.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for figure, value in measure(Path(folder), options.days).items():
            print(f"{figure:10} {value:10.1f}")


if __name__ == "__main__":
    main()
