"""How history gets to the broker."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from agent.errors import LinkDownError, RefusedError
from agent.telemetry.clock import Clock
from agent.telemetry.courier import Courier, Pace
from agent.telemetry.message import Outgoing
from agent.telemetry.outbox import Limits, Outbox
from agent.telemetry.payloads import Item
from agent.telemetry.topics import Topics
from tests.telemetry.fake_time import FakeTime

TOPICS = Topics("edgewise/v1", "rpi5-7f3a9c")
AT_ONCE = Pace(rate=1e9, spread=0.0, patience=0.05)


class Line:
    """A connection whose other end the test plays: it acknowledges when `open` is set."""

    def __init__(self, window: int = 20, refuses: str = "-") -> None:
        self.window = window
        self.refuses = refuses
        self.sent: list[Outgoing] = []
        self.acknowledged = self.flying = self.most = 0
        self.open = asyncio.Event()
        self.ends_after = 1 << 30

    async def publish(self, message: Outgoing) -> None:
        self.sent.append(message)
        self.flying += 1
        self.most = max(self.most, self.flying)
        try:
            await self.open.wait()
        finally:
            self.flying -= 1
        if message.topic.endswith(self.refuses):
            raise RefusedError("not authorized")
        if self.acknowledged >= self.ends_after:
            raise LinkDownError("cut")
        self.acknowledged += 1

    def offer(self, _: Outgoing) -> bool:
        return False

    def items(self) -> list[Item]:
        return [item for message in self.sent for item in msgspec.json.decode(message.payload, type=list[Item])]


def scene(path: Path, play: Callable[[Outbox, FakeTime], Awaitable[None]]) -> None:
    async def run() -> None:
        time = FakeTime()
        outbox = Outbox(path / "outbox.db", Limits(free=0), Clock(None, time), "b1")
        await outbox.open()
        try:
            await play(outbox, time)
        finally:
            await outbox.close()

    asyncio.run(run())


async def fill(outbox: Outbox, samples: int = 0, events: int = 0) -> None:
    for number in range(samples):
        await outbox.append("telemetry", values={"a": number, "b": "x" * 60})
    for number in range(events):
        await outbox.append("event", event=f"e{number}")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.005)


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_events_go_before_samples_and_each_kind_in_order(tmp_path: Path) -> None:
    async def play(outbox: Outbox, _: FakeTime) -> None:
        await fill(outbox, samples=300, events=5)
        line = Line()
        line.open.set()
        task = asyncio.create_task(Courier(outbox, TOPICS, AT_ONCE).run(line))
        await until(lambda: outbox.stats().rows == 0)
        await stop(task)
        assert line.sent[0].topic == TOPICS.own("event")
        assert [item.seq for item in line.items()] == [*range(301, 306), *range(1, 301)]

    scene(tmp_path, play)


def test_a_message_says_what_is_in_it(tmp_path: Path) -> None:
    async def play(outbox: Outbox, _: FakeTime) -> None:
        await fill(outbox, samples=200)
        line = Line()
        line.open.set()
        task = asyncio.create_task(Courier(outbox, TOPICS, AT_ONCE).run(line))
        await until(lambda: outbox.stats().rows == 0)
        await stop(task)
        first = line.sent[0]
        assert (first.topic, first.qos, first.retain, first.expiry) == (TOPICS.own("telemetry"), 1, False, 7 * 86_400)
        count = len(msgspec.json.decode(first.payload))
        assert first.properties == (("boot", "b1"), ("seq0", "1"), ("n", str(count)), ("hist", "0"))
        assert all(len(message.payload) <= 5000 for message in line.sent)
        assert all(len(msgspec.json.decode(message.payload)) <= 60 for message in line.sent)

    scene(tmp_path, play)


def test_history_fills_half_of_the_window_and_events_go_past_it(tmp_path: Path) -> None:
    async def play(outbox: Outbox, time: FakeTime) -> None:
        await fill(outbox, samples=2000)
        time.pass_by(3600)
        line = Line(window=10)
        task = asyncio.create_task(Courier(outbox, TOPICS, AT_ONCE).run(line))
        await until(lambda: line.flying == 5)
        await asyncio.sleep(0.05)
        assert line.most == 5
        assert dict(line.sent[0].properties)["hist"] == "1"
        line.open.set()
        await until(lambda: outbox.stats().rows == 0)
        await stop(task)

    scene(tmp_path, play)


def test_no_more_is_on_its_way_than_the_broker_allows(tmp_path: Path) -> None:
    async def play(outbox: Outbox, _: FakeTime) -> None:
        await fill(outbox, samples=2000)
        for allowed, expected in ((3, 3), (100, 16)):
            line = Line(window=allowed)
            task = asyncio.create_task(Courier(outbox, TOPICS, AT_ONCE).run(line))
            await until(lambda line=line, expected=expected: line.flying == expected)  # type: ignore[misc]
            await asyncio.sleep(0.02)
            assert line.most == expected
            await stop(task)

    scene(tmp_path, play)


def test_what_was_on_its_way_when_the_connection_ended_is_sent_again(tmp_path: Path) -> None:
    async def play(outbox: Outbox, _: FakeTime) -> None:
        await fill(outbox, samples=500, events=3)
        lost, kept = Line(), Line()
        lost.open.set()
        lost.ends_after = 4
        courier = Courier(outbox, TOPICS, AT_ONCE)
        await asyncio.wait_for(courier.run(lost), 10)  # it ends by itself
        kept.open.set()
        task = asyncio.create_task(courier.run(kept))
        await until(lambda: outbox.stats().rows == 0)
        await stop(task)
        assert {item.seq for item in lost.items() + kept.items()} == set(range(1, 504))
        samples = [item.seq for item in kept.items() if item.values]
        assert samples == sorted(samples)

    scene(tmp_path, play)


def test_a_courier_that_is_cancelled_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    async def play(outbox: Outbox, _time: FakeTime) -> None:
        await fill(outbox, samples=400)
        seen: set[int] = set()
        for turn in range(60):
            line = Line(window=4)
            if turn % 2:
                line.open.set()
            task = asyncio.create_task(Courier(outbox, TOPICS, AT_ONCE).run(line))
            for _ in range(turn):
                await asyncio.sleep(0)
            await asyncio.sleep(turn / 20_000)
            await stop(task)
            seen |= {item.seq for item in line.items()}
        line = Line()
        line.open.set()
        task = asyncio.create_task(Courier(outbox, TOPICS, AT_ONCE).run(line))
        await until(lambda: outbox.stats().rows == 0)
        await stop(task)
        assert seen | {item.seq for item in line.items()} == set(range(1, 401))
        assert await outbox.take("telemetry", 1, 5000) is None

    scene(tmp_path, play)


def test_a_refused_kind_waits_and_does_not_hold_up_the_others(tmp_path: Path) -> None:
    async def play(outbox: Outbox, _: FakeTime) -> None:
        await fill(outbox, samples=30, events=2)
        line = Line(refuses="event")
        line.open.set()
        task = asyncio.create_task(Courier(outbox, TOPICS, AT_ONCE).run(line))
        await until(lambda: outbox.stats().rows == 2)
        line.refuses = "-"
        await until(lambda: outbox.stats().rows == 0)
        await stop(task)

    scene(tmp_path, play)


def test_a_large_backlog_starts_late_and_events_do_not_wait_for_it(tmp_path: Path) -> None:
    async def play(outbox: Outbox, _: FakeTime) -> None:
        await fill(outbox, samples=500, events=1)
        line = Line()
        line.open.set()
        task = asyncio.create_task(Courier(outbox, TOPICS, Pace(spread=3600.0)).run(line))
        await until(lambda: bool(line.sent))
        await asyncio.sleep(0.05)
        assert [message.topic for message in line.sent] == [TOPICS.own("event")]
        await stop(task)

    scene(tmp_path, play)


def test_history_keeps_its_pace(tmp_path: Path) -> None:
    async def play(outbox: Outbox, time: FakeTime) -> None:
        await fill(outbox, samples=400)
        time.pass_by(3600)
        line = Line()
        line.open.set()
        began = asyncio.get_running_loop().time()
        task = asyncio.create_task(Courier(outbox, TOPICS, Pace(rate=1000.0, spread=0.0)).run(line))
        await until(lambda: outbox.stats().rows == 0)
        took = asyncio.get_running_loop().time() - began
        await stop(task)
        assert 0.3 < took < 2

    scene(tmp_path, play)


def test_what_is_new_is_sent_at_once(tmp_path: Path) -> None:
    async def play(outbox: Outbox, _: FakeTime) -> None:
        line = Line()
        line.open.set()
        task = asyncio.create_task(Courier(outbox, TOPICS).run(line))
        await asyncio.sleep(0.02)
        await fill(outbox, samples=1)
        await until(lambda: outbox.stats().rows == 0)
        await stop(task)
        assert dict(line.sent[0].properties)["hist"] == "0"

    scene(tmp_path, play)
