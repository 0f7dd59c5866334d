"""A day without a broker, lived through in seconds: what happens when it is there again."""

import asyncio
import statistics
import time
from pathlib import Path

import msgspec
import pytest

from agent.telemetry.clock import Clock
from agent.telemetry.courier import Courier, Pace
from agent.telemetry.link.link import Link
from agent.telemetry.message import Outgoing
from agent.telemetry.outbox import Limits, Outbox
from agent.telemetry.payloads import Item
from agent.telemetry.topics import Topics
from benchmarks.outbox import samples
from tests.telemetry.broker import broker
from tests.telemetry.fake_time import FakeTime
from tests.telemetry.linking import DEVICE, connected, linked, until
from tests.telemetry.observer import Observer, observer
from tests.telemetry.reporting import properties

TOPICS = Topics("edgewise/v1", DEVICE)
SAMPLES, EVENTS = 8640, 24  # of a day, at the usual interval
QUICK = Pace(rate=2000.0, spread=0.0)


@pytest.mark.slow
def test_after_a_day_without_a_broker_history_arrives_whole_and_in_order_and_delays_nobody(tmp_path: Path) -> None:
    topics = [TOPICS.own(kind) for kind in ("event", "telemetry")]
    with broker(tmp_path, "max_queued_messages 0") as mosquitto, observer(mosquitto.port, *topics) as hub:
        delays = asyncio.run(outage(tmp_path, mosquitto.url))
        hub.wait(lambda: len(received(hub, "telemetry")) >= SAMPLES)
        numbers = {kind: [item.seq for item in received(hub, kind)] for kind in ("event", "telemetry")}
        history = [properties(message) for message in hub.messages if message.topic.endswith("telemetry")]
    assert [len(numbers["event"]), len(numbers["telemetry"])] == [EVENTS, SAMPLES]
    assert all(found == sorted(set(found)) for found in numbers.values()), "in order, and nothing twice"
    assert sorted([*numbers["event"], *numbers["telemetry"]]) == list(range(1, SAMPLES + EVENTS + 1))
    assert all(("hist", "1") in said["UserProperty"] for said in history[:-1])
    assert statistics.quantiles(delays, n=100)[98] < 0.25, "what is said meanwhile does not wait"


async def outage(folder: Path, url: str) -> list[float]:
    """Live through a day alone, then find the broker; return how long a message took that was published meanwhile."""
    outbox = Outbox(folder / "outbox.db", Limits(free=0), Clock(None, clock := FakeTime()), "b1")
    await outbox.open()
    for number, values in enumerate(samples(SAMPLES)):
        if number % (SAMPLES // EVENTS) == 0:
            await outbox.append("event", event="hour")
        await outbox.append("telemetry", values=values)
        clock.pass_by(10.0)
    async with linked(url) as link:
        await connected(link)
        courier = asyncio.create_task(Courier(outbox, TOPICS, QUICK).run(link))
        delays = [await delay(link) for _ in range(200)]
        await until(lambda: outbox.stats().rows == 0, 60)
        courier.cancel()
        await asyncio.wait([courier])
    await outbox.close()
    return delays


async def delay(link: Link) -> float:
    began = time.monotonic()
    await link.publish(Outgoing(TOPICS.own("rsp/ping"), b"{}"))
    took = time.monotonic() - began
    await asyncio.sleep(0.01)
    return took


def received(hub: Observer, kind: str) -> list[Item]:
    payloads = hub.payloads(TOPICS.own(kind))
    return [item for payload in payloads for item in msgspec.json.decode(payload, type=list[Item])]
