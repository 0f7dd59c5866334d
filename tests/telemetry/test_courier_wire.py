"""History over a real broker and a cable that breaks: the hub has all of it, once it drops what comes twice."""

import asyncio
import random
from pathlib import Path

import msgspec

from agent.telemetry.clock import Clock
from agent.telemetry.courier import Courier, Pace
from agent.telemetry.link.link import Link
from agent.telemetry.outbox import Limits, Outbox
from agent.telemetry.payloads import Item
from agent.telemetry.topics import Topics
from tests.telemetry.broker import broker
from tests.telemetry.linking import DEVICE, Recorder, connected, linked, until
from tests.telemetry.observer import Observer, observer
from tests.telemetry.wire import Wire, wire

TOPICS = Topics("edgewise/v1", DEVICE)
KINDS = ("event", "telemetry", "log")


class Carrying(Recorder):
    """A listener that lets a courier run while there is a connection."""

    def __init__(self, courier: Courier) -> None:
        super().__init__()
        self._courier = courier
        self._task: asyncio.Task[None] | None = None

    async def connected(self, link: Link, session_present: bool) -> None:  # noqa: FBT001 - the protocol's
        await super().connected(link, session_present)
        self._task = asyncio.create_task(self._courier.run(link))

    async def disconnected(self, reason: str) -> None:
        await super().disconnected(reason)
        await self.stop()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None


def received(hub: Observer) -> list[Item]:
    payloads = [payload for kind in KINDS for payload in hub.payloads(TOPICS.own(kind))]
    return [item for payload in payloads for item in msgspec.json.decode(payload, type=list[Item])]


async def append(outbox: Outbox, count: int) -> None:
    for number in range(count):
        if number % 50 == 0:
            await outbox.append("event", event="x")
        await outbox.append("telemetry", values={"a": number, "b": "y" * 100})


async def breaking(cable: Wire, outbox: Outbox, times: int) -> None:
    chance = random.Random(3)  # noqa: S311 - no secret
    for _ in range(times):
        await append(outbox, 100)
        await asyncio.sleep(chance.uniform(0.02, 0.2))
        await asyncio.to_thread(chance.choice([cable.cut, cable.reset]))
        await append(outbox, 50)
        await asyncio.to_thread(cable.mend)


async def play(folder: Path, cable: Wire) -> int:
    outbox = Outbox(folder / "outbox.db", Limits(free=0), Clock(), "b1")
    await outbox.open()
    listener = Carrying(Courier(outbox, TOPICS, Pace(rate=1e9, spread=0.0)))
    await append(outbox, 500)
    async with linked(f"mqtt://127.0.0.1:{cable.port}", listener) as link:
        await connected(link)
        await breaking(cable, outbox, 8)
        await until(lambda: outbox.stats().rows == 0, 30)
        await listener.stop()
    last = await outbox.append("event", event="end")
    await outbox.close()
    return last


def test_however_often_the_cable_breaks_the_hub_gets_all(tmp_path: Path) -> None:
    topics = [TOPICS.own(kind) for kind in KINDS]
    with broker(tmp_path) as mosquitto, observer(mosquitto.port, *topics) as hub, wire(mosquitto.port) as cable:
        last = asyncio.run(play(tmp_path, cable))
        hub.wait(lambda: {item.seq for item in received(hub)} >= set(range(1, last)))
        items = received(hub)
    assert {item.seq for item in items} == set(range(1, last))
    once = {item.seq: item for item in items}
    assert all(item.event == "x" or item.values["b"] == "y" * 100 for item in once.values())
