"""The outbox as the rest of the daemon uses it."""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import msgspec

from agent.telemetry.clock import Clock
from agent.telemetry.outbox import Batch, Limits, Outbox
from agent.telemetry.payloads import Item, Rank, Value
from tests.telemetry.fake_time import START, FakeTime

T = TypeVar("T")

ROOMY = Limits(free=0)


def with_outbox(path: Path, boot: str, use: Callable[[Outbox], Awaitable[T]], clock: Clock | None = None) -> T:
    async def run() -> T:
        outbox = Outbox(path / "outbox.db", ROOMY, clock or Clock(None, FakeTime()), boot)
        await outbox.open()
        try:
            return await use(outbox)
        finally:
            await outbox.close()

    return asyncio.run(run())


async def take(outbox: Outbox, rank: Rank, items: int = 60, size: int = 5000) -> Batch:
    batch = await outbox.take(rank, items, size)
    assert batch is not None
    return batch


def sent(batch: Batch) -> list[Item]:
    return msgspec.json.decode(batch.payload, type=list[Item])


def stored(path: Path) -> int:
    """Return how many items a copy of the file has; the file itself is the outbox's alone while it is open."""
    copy = Path(tempfile.mkdtemp(dir=path))
    for file in path.glob("outbox.db*"):
        shutil.copy(file, copy)
    with closing(sqlite3.connect(copy / "outbox.db")) as connection:
        counts = ("COUNT(*) FROM event", "COALESCE(SUM(size), 0) FROM telemetry", "COUNT(*) FROM log")
        return sum(connection.execute(f"SELECT {count}").fetchone()[0] for count in counts)


def test_numbers_are_given_across_all_kinds_from_one(tmp_path: Path) -> None:
    async def use(outbox: Outbox) -> list[int]:
        return [
            await outbox.append("telemetry", values={"a": 1}),
            await outbox.append("event", event="boot"),
            await outbox.append("log", level="warning", text="hot"),
        ]

    assert with_outbox(tmp_path, "b1", use) == [1, 2, 3]


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    values: dict[str, Value] = {"tok_s": 7.93, "queue": 0, "engine": "ready", "throttled": False, "power_w": None}

    async def put(outbox: Outbox) -> None:
        await outbox.append("telemetry", values=values)
        await outbox.append("event", event="model", data={"name": "a", "n": [1, {"x": None}]})
        await outbox.append("log", level="error", text="ö")

    async def get(outbox: Outbox) -> list[Item]:
        return [item for rank in ("event", "telemetry", "log") for item in sent(await take(outbox, rank))]

    with_outbox(tmp_path, "b1", put)
    event, sample, line = with_outbox(tmp_path, "b2", get)
    assert (event.event, event.data, event.seq) == ("model", {"name": "a", "n": [1, {"x": None}]}, 2)
    assert (sample.values, sample.boot, sample.mono) == (values, "b1", 0.0)
    assert (line.level, line.text) == ("error", "ö")


def test_a_payload_has_nothing_that_goes_without_saying(tmp_path: Path) -> None:
    async def put(outbox: Outbox) -> bytes:
        await outbox.append("telemetry", values={"a": 1.5})
        batch = await take(outbox, "telemetry")
        outbox.give_back(batch)
        return batch.payload

    async def get(outbox: Outbox) -> bytes:
        return (await take(outbox, "telemetry")).payload

    expected = b'[{"ts":1795300000000,"boot":"b1","seq":1,"values":{"a":1.5}}]'
    assert with_outbox(tmp_path, "b1", put) == expected
    assert with_outbox(tmp_path, "b2", get) == expected


def test_events_are_on_the_disk_at_once_and_samples_are_not(tmp_path: Path) -> None:
    async def use(outbox: Outbox) -> tuple[int, int]:
        await outbox.append("telemetry", values={"a": 1})
        before = stored(tmp_path)
        await outbox.append("event", event="boot")
        return before, stored(tmp_path)

    assert with_outbox(tmp_path, "b1", use) == (0, 2)


def test_sixty_samples_are_written_together(tmp_path: Path) -> None:
    async def use(outbox: Outbox) -> tuple[int, int]:
        for number in range(59):
            await outbox.append("telemetry", values={"a": number})
        before = stored(tmp_path)
        await outbox.append("telemetry", values={"a": 59})
        return before, stored(tmp_path)

    assert with_outbox(tmp_path, "b1", use) == (0, 60)


def test_a_lonely_sample_is_written_after_a_while(tmp_path: Path) -> None:
    async def run() -> int:
        limits = Limits(free=0, flush_seconds=0.05)
        outbox = Outbox(tmp_path / "outbox.db", limits, Clock(), "b1")  # of the real clock, which goes on
        await outbox.open()
        await outbox.append("telemetry", values={"a": 1})
        for _ in range(100):
            if stored(tmp_path):
                break
            await asyncio.sleep(0.02)
        found = stored(tmp_path)
        await outbox.close()
        return found

    assert asyncio.run(run()) == 1


def test_what_is_delivered_soon_never_touches_the_disk(tmp_path: Path) -> None:
    async def use(outbox: Outbox) -> tuple[int, int]:
        before = (tmp_path / "outbox.db-wal").stat().st_size
        for number in range(200):
            await outbox.append("telemetry", values={"a": number})
            await outbox.done(await take(outbox, "telemetry"))
        assert outbox.stats().rows == 0
        return before, (tmp_path / "outbox.db-wal").stat().st_size

    before, after = with_outbox(tmp_path, "b1", use)
    assert before == after


def test_nothing_is_handed_out_twice_unless_it_is_given_back(tmp_path: Path) -> None:
    async def use(outbox: Outbox) -> list[list[int]]:
        for number in range(100):
            await outbox.append("telemetry", values={"a": number})
        first, second = await take(outbox, "telemetry", 30), await take(outbox, "telemetry", 30)
        outbox.give_back(first)
        third, fourth = await take(outbox, "telemetry", 40), await take(outbox, "telemetry", 60)
        assert await outbox.take("telemetry", 60, 5000) is None
        return [[item.seq for item in batch.items] for batch in (first, second, third, fourth)]

    first, second, third, fourth = with_outbox(tmp_path, "b1", use)
    assert (first, second) == (list(range(1, 31)), list(range(31, 61)))
    assert third + fourth == first + list(range(61, 101))


def test_a_batch_is_no_longer_than_asked_but_has_one_item_at_least(tmp_path: Path) -> None:
    async def use(outbox: Outbox) -> tuple[Batch, Batch]:
        for _ in range(3):
            await outbox.append("log", level="error", text="x" * 400)
        return await take(outbox, "log", 60, 1000), await take(outbox, "log", 60, 100)

    two, one = with_outbox(tmp_path, "b1", use)
    assert (len(two.items), len(one.items)) == (2, 1)
    assert len(two.payload) <= 1000


def test_what_was_not_acknowledged_comes_again_after_a_restart(tmp_path: Path) -> None:
    async def put(outbox: Outbox) -> None:
        for number in range(10):
            await outbox.append("telemetry", values={"a": number})
        await outbox.done(await take(outbox, "telemetry", 4))
        await take(outbox, "telemetry", 3)

    async def get(outbox: Outbox) -> list[int]:
        return [item.seq for item in (await take(outbox, "telemetry")).items]

    with_outbox(tmp_path, "b1", put)
    assert with_outbox(tmp_path, "b2", get) == [5, 6, 7, 8, 9, 10]


def test_a_batch_has_items_of_one_run_only(tmp_path: Path) -> None:
    async def put(outbox: Outbox) -> None:
        await outbox.append("telemetry", values={"a": 1})

    async def get(outbox: Outbox) -> list[str]:
        await outbox.append("telemetry", values={"a": 2})
        return [(await take(outbox, "telemetry")).items[0].boot for _ in range(2)]

    with_outbox(tmp_path, "b1", put)
    assert with_outbox(tmp_path, "b2", get) == ["b1", "b2"]


def test_an_orderly_end_leaves_no_gap(tmp_path: Path) -> None:
    async def put(outbox: Outbox) -> None:
        await outbox.append("telemetry", values={"a": 1})

    async def get(outbox: Outbox) -> Batch | None:
        return await outbox.take("event", 60, 5000)

    with_outbox(tmp_path, "b1", put)
    assert with_outbox(tmp_path, "b2", get) is None


def test_a_cancelled_take_loses_nothing(tmp_path: Path) -> None:
    async def use(outbox: Outbox) -> list[int]:
        await outbox.append("event", event="boot")
        task = asyncio.create_task(outbox.take("event", 1, 5000))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return [item.seq for item in (await take(outbox, "event")).items]

    assert with_outbox(tmp_path, "b1", use) == [1]


def test_times_that_were_estimates_are_corrected_when_they_are_sent(tmp_path: Path) -> None:
    time = FakeTime(time=5.0, synced=False)
    clock = Clock(tmp_path / "clock.json", time)

    async def put(outbox: Outbox) -> None:
        await outbox.append("telemetry", values={"a": 1})
        first = sent(await take(outbox, "telemetry"))[0]
        assert (first.ts_q, first.mono) == ("est", 1000.0)
        time.pass_by(50)
        time.time, time.synced = START, True
        await outbox.append("telemetry", values={"a": 2})

    async def get(outbox: Outbox) -> list[Item]:
        return sent(await take(outbox, "telemetry"))

    with_outbox(tmp_path, "b1", put, clock)
    time.reboot("kernel-2", clock=0.0)
    early, late = with_outbox(tmp_path, "b2", get, Clock(tmp_path / "clock.json", time))
    assert (early.ts, early.ts_q, early.mono) == (round((START - 50) * 1000), "ntp", 0.0)
    assert late.ts == round(START * 1000)


def test_old_items_are_marked_as_history(tmp_path: Path) -> None:
    time = FakeTime()

    async def use(outbox: Outbox) -> list[bool]:
        await outbox.append("telemetry", values={"a": 1})
        young = await take(outbox, "telemetry")
        outbox.give_back(young)
        time.pass_by(61)
        return [young.history, (await take(outbox, "telemetry")).history]

    assert with_outbox(tmp_path, "b1", use, Clock(None, time)) == [False, True]


def test_stats_say_how_much_waits(tmp_path: Path) -> None:
    async def use(outbox: Outbox) -> None:
        assert outbox.stats().oldest_ts == 0
        for number in range(61):
            await outbox.append("telemetry", values={"a": number})
        stats = outbox.stats()
        assert (stats.rows, stats.dropped, stats.trouble) == (61, 0, "")
        assert stats.oldest_ts == (await take(outbox, "telemetry")).items[0].ts
        assert stats.written_bytes > 0
        assert stats.bytes > 0

    with_outbox(tmp_path, "b1", use)


def test_nobody_else_can_read_the_file(tmp_path: Path) -> None:
    async def use(_: Outbox) -> int:
        return (tmp_path / "outbox.db").stat().st_mode & 0o777

    assert with_outbox(tmp_path, "b1", use) == 0o600
