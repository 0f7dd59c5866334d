"""New samples wait for a few more of them; nothing else does."""

import asyncio
from pathlib import Path

from agent.telemetry.courier import Courier, Pace
from agent.telemetry.outbox import Outbox
from tests.telemetry.fake_time import FakeTime
from tests.telemetry.test_courier import TOPICS, Line, fill, scene, stop, until

GATHERS = Pace(rate=1e9, spread=0.0, gather=0.4)


def test_samples_gather_and_events_do_not(tmp_path: Path) -> None:
    async def play(outbox: Outbox, _: FakeTime) -> None:
        line = Line()
        line.open.set()
        task = asyncio.create_task(Courier(outbox, TOPICS, GATHERS).run(line))
        await fill(outbox, samples=1)
        await until(lambda: len(line.sent) == 1)
        await fill(outbox, samples=1)
        await fill(outbox, samples=1)
        await fill(outbox, events=1)
        await until(lambda: len(line.sent) == 2)
        assert line.sent[1].topic == TOPICS.own("event")
        await until(lambda: len(line.sent) == 3)
        assert [item.seq for item in line.items()] == [1, 4, 2, 3]
        await stop(task)

    scene(tmp_path, play)


def test_what_fills_a_message_does_not_wait(tmp_path: Path) -> None:
    async def play(outbox: Outbox, _: FakeTime) -> None:
        line = Line()
        line.open.set()
        await fill(outbox, samples=200)
        task = asyncio.create_task(Courier(outbox, TOPICS, Pace(rate=1e9, spread=0.0, gather=60.0)).run(line))
        await until(lambda: len(line.items()) == 200)
        await stop(task)

    scene(tmp_path, play)


def test_history_does_not_wait(tmp_path: Path) -> None:
    async def play(outbox: Outbox, time: FakeTime) -> None:
        line = Line()
        line.open.set()
        await fill(outbox, samples=2)
        time.pass_by(100)
        await fill(outbox, events=1)
        task = asyncio.create_task(Courier(outbox, TOPICS, Pace(rate=1e9, spread=0.0, gather=60.0)).run(line))
        await until(lambda: len(line.items()) == 3)
        await fill(outbox, samples=1)
        await until(lambda: len(line.items()) == 4)
        await stop(task)

    scene(tmp_path, play)


def test_samples_are_sent_before_they_would_go_to_the_disk() -> None:
    assert [Pace.of(interval).gather for interval in (1.0, 10.0, 3600.0)] == [5.0, 45.0, 45.0]
