"""An edge node for tests, and what a host application or a broker has seen of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from agent.telemetry.link.address import Address
from agent.telemetry.sparkplug.node import EdgeNode
from agent.telemetry.sparkplug.payload import DataType, Metric
from tests.telemetry.fake_broker import DISCONNECT, Packet, Seen, fake_broker, hospitable
from tests.telemetry.linking import QUICK, until
from tests.telemetry.observer import Observer, observer
from tests.telemetry.sparkplug.independent import INT64, by_name, command, value

NOW = 1_795_289_861_000
ALL = "spBv1.0/#"
NBIRTH, NDATA, NDEATH, NCMD = (f"spBv1.0/home/{verb}/kitchen-1" for verb in ("NBIRTH", "NDATA", "NDEATH", "NCMD"))
REBIRTH = command(("Node Control/Rebirth", True))

Act = Callable[[EdgeNode], Awaitable[None]]


def metrics(celsius: float = 61.2, model: str | None = "qwen") -> list[Metric]:
    return [
        Metric("soc_temp_c", DataType.DOUBLE, celsius, "°C"),
        Metric("throttled", DataType.BOOLEAN, value=False),
        Metric("queue_depth", DataType.INT64, 0),
        Metric("model", DataType.STRING, model),
    ]


@asynccontextmanager
async def edge(port: int, folder: Path, password: Path | None = None) -> AsyncIterator[EdgeNode]:
    """Run an edge node that has something to tell, and cut it off without a word at the end."""
    address = Address(f"mqtt://127.0.0.1:{port}", "kitchen-1", password_file=password)
    memory = folder / "sparkplug"
    node = EdgeNode(address, group="home", device="kitchen-1", memory=memory, now=lambda: NOW, pace=QUICK)
    await node.tell(metrics())
    running = asyncio.create_task(node.run())
    try:
        yield node
    finally:
        running.cancel()
        await asyncio.wait([running])


def live(port: int, folder: Path, act: Act, password: Path | None = None) -> None:
    """Run an edge node as long as `act` takes."""

    async def run() -> None:
        async with edge(port, folder, password) as node:
            await act(node)

    asyncio.run(run())


def payloads(seen: Observer, topic: str) -> list[bytes]:
    return [bytes(message.payload) for message in list(seen.messages) if message.topic == topic]


def has(seen: Observer, topic: str, number: int) -> bool:
    return len(payloads(seen, topic)) >= number


async def count(seen: Observer, topic: str, number: int) -> list[bytes]:
    """Wait for as many messages, and return them."""
    await until(lambda: has(seen, topic, number))
    return payloads(seen, topic)


def until_births(seen: Observer, number: int) -> Act:
    async def act(_: EdgeNode) -> None:
        await count(seen, NBIRTH, number)

    return act


def birth(port: int, folder: Path) -> bytes:
    """Return the payload of the birth of one session."""
    with observer(port, ALL) as seen:
        live(port, folder, until_births(seen, 1))
        return payloads(seen, NBIRTH)[0]


def bd_seq(payload: bytes) -> int:
    """Return the number of the session that a birth or a death is of."""
    metric = by_name(payload)["bdSeq"]
    assert metric.datatype == INT64
    return int(value(metric))


def packets(folder: Path, version: int, *, closed: bool = False, password: Path | None = None) -> Seen:
    """Return what a broker that speaks one version of MQTT has seen of a session."""

    def answer(packet: Packet) -> bytes | None:
        return hospitable(packet) if packet.version == version else b"\x20\x02\x00\x01"

    with fake_broker(answer) as seen:

        async def act(node: EdgeNode) -> None:
            await until(lambda: any(NBIRTH.encode() in packet.body for packet in seen.packets))
            if closed:
                await node.close()
                await until(lambda: of(seen, DISCONNECT))

        live(seen.port, folder, act, password)
    seen.packets = [packet for packet in seen.packets if packet.version == version]
    return seen


def of(seen: Seen, kind: int) -> list[Packet]:
    return [packet for packet in seen.packets if packet.kind == kind]
