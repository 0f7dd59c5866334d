"""How the device is doing, looked at on recorded boards and on this computer."""

import asyncio
import math
import os
import time
from pathlib import Path

import pytest

from agent import vitals
from agent.vitals import Sample, Traffic, Vitals
from tests.hardware.planting import plant

BOARD = Path(__file__).parent / "boards" / "raspberry-pi-4-2gb" / "tree"
HERE = Path("/")


class Clock:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def looked(root: Path, *traffic: Traffic, seconds: float = 5.0) -> tuple[Vitals, Sample]:
    """Look once for each traffic, so many seconds apart; returns the last look too."""
    clock, coming = Clock(), iter(traffic)
    watching = Vitals(root, lambda: next(coming), clock)

    async def look() -> None:
        for _ in traffic:
            await watching.look()
            clock.now += seconds

    asyncio.run(look())
    sample = watching.now()
    assert sample is not None
    return watching, sample


def test_heat_throttling_and_memory_are_those_of_the_board() -> None:
    _, sample = looked(BOARD, Traffic(0, 0, 0, 0))
    assert sample.celsius is not None
    assert 20 < sample.celsius < sample.total
    assert 0 < sample.available < sample.total < 2 << 30


def test_tokens_per_second_are_those_since_the_last_look() -> None:
    watching, sample = looked(HERE, Traffic(1, 0, 100, 0), Traffic(1, 0, 150, 0))
    assert sample.rate == 10.0
    assert list(watching.hour().series("rate"))[-1] == 10.0


def test_a_counter_that_begins_anew_gives_no_speed() -> None:
    _, sample = looked(HERE, Traffic(1, 0, 100, 0), Traffic(1, 0, 3, 0))
    assert sample.rate is None


def test_requests_that_wait_are_not_being_answered() -> None:
    _, sample = looked(HERE, Traffic(5, 3, 0, 0))
    assert (sample.active, sample.waiting) == (2, 3)


def test_the_memory_of_daemon_and_engine_is_known_and_none_without_an_engine() -> None:
    _, sample = looked(HERE, Traffic(0, 0, 0, os.getpid()))
    assert sample.daemon == sample.engine > 1 << 20
    assert looked(HERE, Traffic(0, 0, 0, 0))[1].engine == 0


def test_the_hour_has_every_look_and_the_day_the_mean_of_many() -> None:
    counts = [Traffic(0, 0, 10 * number, 0) for number in range(50)]
    watching, _ = looked(HERE, *counts)
    hour, day = watching.hour().series("rate"), watching.day().series("rate")
    assert (len(hour), len(day)) == (720, 720)
    assert sum(not math.isnan(value) for value in hour) == 49
    assert {round(value, 3) for value in day if not math.isnan(value)} == {2.0}


def test_it_looks_again_and_again_until_it_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vitals, "INTERVAL", 0.01)
    looks: asyncio.Queue[int] = asyncio.Queue()

    def read() -> Traffic:
        looks.put_nowait(1)
        return Traffic(0, 0, 0, 0)

    async def scenario() -> None:
        task = asyncio.create_task(Vitals(BOARD, read).run())
        for _ in range(3):
            await asyncio.wait_for(looks.get(), 30)
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(scenario())


def test_power_pressure_and_disk_are_those_of_the_board(tmp_path: Path) -> None:
    meter = {"sys/class/hwmon/hwmon0/name": "power_meter\n", "sys/class/hwmon/hwmon0/power1_average": "5000000\n"}
    waits = {"proc/pressure/io": "some avg10=25.00 avg60=5.00 avg300=0.00 total=1\n"}
    root = plant(tmp_path, {**meter, **waits, "proc/self/io": "wchar: 7\nwrite_bytes: 4096\n"})
    _, sample = looked(root, Traffic(1, 0, 100, 0), Traffic(1, 0, 150, 0))
    assert (sample.watts, sample.watts_of, sample.joules, sample.joules_per_token) == (5.0, "board", 25.0, 0.5)
    assert sample.pressure.io is not None
    assert sample.pressure.io.some == 0.25
    assert sample.written == 4096


def test_what_an_engine_has_written_counts_after_its_end(tmp_path: Path) -> None:
    files = {"proc/self/io": "write_bytes: 1\n", "proc/7/io": "write_bytes: 10\n", "proc/8/io": "write_bytes: 100\n"}
    root = plant(tmp_path, files)
    _, sample = looked(root, Traffic(0, 0, 0, 7), Traffic(0, 0, 0, 0), Traffic(0, 0, 0, 8))
    assert sample.written == 111


def test_the_room_on_the_disk_is_that_where_things_are_kept(tmp_path: Path) -> None:
    watching = Vitals(BOARD, lambda: Traffic(0, 0, 0, 0), disk=tmp_path)
    asyncio.run(watching.look())
    sample = watching.now()
    assert sample is not None
    assert sample.disk_free is not None
    assert sample.disk_free > 0


def test_a_look_takes_little_time() -> None:
    watching = Vitals(HERE, lambda: Traffic(0, 0, 0, os.getpid()), disk=Path.cwd())
    asyncio.run(watching.look())
    began = time.thread_time()
    for _ in range(20):
        watching._look(Traffic(0, 0, 0, os.getpid()), began)
    assert (time.thread_time() - began) / 20 < 0.02
