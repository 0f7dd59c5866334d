"""Simulated devices: they report as real ones do, and answer `ping`."""

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from agent.telemetry.payloads import (
    Birth,
    Command,
    EngineFacts,
    Hardware,
    Item,
    Metric,
    Response,
    State,
    Value,
)
from agent.telemetry.topics import Topics
from tests.fleet.client import Client

PREFIX = "edgewise/v1"
_METRICS = {"tok_s": Metric("tok/s"), "soc_temp_c": Metric("°C", "temperature"), "queue_depth": Metric()}
_AT_ONCE = 200  # that connect at the same time


def now() -> int:
    return int(time.time() * 1000)


def encode(payload: object) -> bytes:
    return msgspec.json.encode(payload)


@dataclass
class Device:
    """One device.

    Attributes:
        id: in topics.
        latencies: seconds from a report to its PUBACK.
    """

    id: str
    name: str = ""
    groups: list[str] = field(default_factory=list)
    interval: float = 10.0
    boot: str = "b1"
    latencies: list[float] = field(default_factory=list)
    seq: int = 0

    def __post_init__(self) -> None:
        self.topics = Topics(PREFIX, self.id)
        self._tasks: set[asyncio.Task[None]] = set()
        self._chance = random.Random(self.id)  # noqa: S311 - no secret

    async def start(self, port: int) -> None:
        """Connect, and say who is there."""
        self.client = Client(self.id, (self.topics.own("status"), b"offline"), self._received)
        await self.client.connect(port)
        await self.client.subscribe(self.topics.subscriptions(self.groups))
        await self.client.publish(self.topics.own("status"), b"online", retain=True)
        await self.client.publish(self.topics.own("birth"), encode(self.birth()), retain=True)
        self.tell()

    async def run(self) -> None:
        """Report until cancelled, each device at its own time."""
        await asyncio.sleep(self._chance.uniform(0, self.interval))
        while True:
            began = time.perf_counter()
            self.tell()
            await self.report(self.values())
            self.latencies.append(time.perf_counter() - began)
            await asyncio.sleep(self.interval)

    async def report(self, values: dict[str, Value]) -> None:
        self.seq += 1
        await self.client.publish(self.topics.own("telemetry"), encode([Item(now(), self.boot, self.seq, values)]))

    async def happen(self, event: str, **data: object) -> None:
        self.seq += 1
        item = Item(now(), self.boot, self.seq, event=event, data=data)
        await self.client.publish(self.topics.own("event"), encode([item]))

    def tell(self, **values: Value) -> None:
        """Replace the state at the broker."""
        state = State(now(), {**self.values(), **values})
        self.client.offer(self.topics.own("state"), encode(state), retain=True)

    def values(self) -> dict[str, Value]:
        return {
            "engine": "ready",
            "model": "qwen3.5-2b",
            "tok_s": round(self._chance.uniform(5, 9), 2),
            "soc_temp_c": round(self._chance.uniform(50, 70), 1),
            "throttled": 0,
            "queue_depth": 0,
            "outbox_rows": 0,
            "mem_used_mb": 1812,
            "cpu_pct": round(self._chance.uniform(0, 100), 1),
        }

    def birth(self) -> Birth:
        return Birth(
            ts=now(),
            ts_q="ntp",
            boot=self.boot,
            id=self.id,
            name=self.name,
            site="",
            groups=self.groups,
            agent="0.1.0",
            hw=Hardware("raspberry-pi-5", "Raspberry Pi 5", 8062, []),
            engine=EngineFacts("llama_cpp", "qwen3.5-2b", "Q4_K_M", "", 4096),
            ui="http://192.0.2.1:8080/",
            cmds=["ping"],
            metrics=_METRICS,
            interval=self.interval,
        )

    def _received(self, topic: str, payload: bytes) -> None:
        name, _ = self.topics.command(topic)
        if name:
            task = asyncio.create_task(self._answer(name, msgspec.json.decode(payload, type=Command)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, name: str, command: Command) -> None:
        for response in self.answers(name, command):
            await self.client.publish(self.topics.own(f"rsp/{name}"), encode(response))

    def answers(self, name: str, command: Command) -> Iterator[Response]:
        """Yield what is said to a command."""
        if name == "ping":
            yield Response(command.id, "ok", 200, result={"ts": now(), **command.args})
        elif name == "set_model":
            yield Response(command.id, "accepted", 202)
            yield Response(command.id, "progress", 202, "loading")
            yield Response(command.id, "ok", 200, f"{command.args['model']} serves")
        elif name != "silence":
            yield Response(command.id, "rejected", 404, f"There is no command {name}.")


@dataclass
class Crowd:
    """Many devices in one process."""

    devices: list[Device]
    running: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self, port: int) -> float:
        """Let all of them come, and return how many seconds that took."""
        began = time.perf_counter()
        gate = asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(self._enter(device, port, gate) for device in self.devices))
        self.running = [asyncio.create_task(device.run()) for device in self.devices]
        return time.perf_counter() - began

    async def end(self) -> None:
        for task in self.running:
            task.cancel()
        await asyncio.wait(self.running)
        for device in self.devices:
            device.client.cut()

    async def _enter(self, device: Device, port: int, gate: asyncio.Semaphore) -> None:
        async with gate:
            await device.start(port)
