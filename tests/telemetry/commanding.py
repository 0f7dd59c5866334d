"""A device that follows commands, with all its parts but the network: what it publishes lies in a list."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from agent.config import Config, Resolved, engine_environment
from agent.errors import LinkDownError, RefusedError
from agent.node import Node
from agent.telemetry.clock import Clock
from agent.telemetry.inbox import Inbox
from agent.telemetry.link import LinkStatus
from agent.telemetry.message import Incoming, Outgoing
from agent.telemetry.outbox import OutboxStats
from agent.telemetry.payloads import Response
from agent.telemetry.topics import Topics
from tests.telemetry.fake_time import FakeTime

TOPICS = Topics("edgewise/v1", "kitchen-1")
HUB = "hub/answers"


@dataclass
class Hub:
    """The other end: takes what is published, unless it is away or forbids the topic."""

    window: int = 16
    away: bool = False
    forbidden: str = ""
    messages: list[Outgoing] = field(default_factory=list)

    async def publish(self, message: Outgoing) -> None:
        if self.away:
            raise LinkDownError("The cable is cut.")
        if message.topic == self.forbidden:
            raise RefusedError("Not authorized")
        self.messages.append(message)

    def offer(self, message: Outgoing) -> bool:
        self.messages.append(message)
        return not self.away

    def answers(self, topic: str = HUB) -> list[Response]:
        """Return what was answered there."""
        return [msgspec.json.decode(m.payload, type=Response) for m in self.messages if m.topic == topic]


@dataclass
class Telemetry:
    """What commands need of telemetry, without reports."""

    time: FakeTime
    clock: Clock
    interval: float = 10.0
    births: int = 0

    def set_interval(self, seconds: float | None) -> None:
        self.interval = seconds or 10.0

    def link_status(self) -> LinkStatus:
        return LinkStatus("connected", 0.0, protocol="5")

    def outbox_stats(self) -> OutboxStats:
        return OutboxStats(rows=3)

    async def rebirth(self) -> None:
        self.births += 1


@dataclass
class Device:
    """A node that runs, its inbox, and who talks to it."""

    node: Node
    inbox: Inbox
    hub: Hub
    telemetry: Telemetry
    acknowledged: list[str] = field(default_factory=list)

    async def send(
        self, name: str, payload: object = b"{}", *, topic: str = "", reply: str = HUB, retain: bool = False
    ) -> None:
        """Deliver a command as the link does; a payload that is no bytes is sent as JSON."""
        data = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
        where = topic or TOPICS.own(f"cmd/{name}")
        message = Incoming(
            where,
            data,
            response_topic=reply,
            correlation=b"mark",
            acknowledge=lambda: self.acknowledged.append(name),
            retain=retain,
        )
        await self.inbox.received(message, self.hub)

    async def ask(self, name: str, payload: object = b"{}", seconds: float = 20.0, *, retain: bool = False) -> Response:
        """Send a command and return its last answer."""
        before = len(self.hub.answers())
        await self.send(name, payload, retain=retain)
        return await self.last(before, seconds)

    async def last(self, after: int = 0, seconds: float = 20.0) -> Response:
        """Wait for an answer after so many that nothing follows."""
        found: list[Response] = []

        def ended() -> bool:
            found[:] = [a for a in self.hub.answers()[after:] if a.status not in {"accepted", "progress"}]
            return bool(found)

        await until(ended, seconds)
        return found[0]


@asynccontextmanager
async def device(
    state: Path,
    hub: Hub | None = None,
    **settings: Any,  # noqa: ANN401 - those of Config
) -> AsyncIterator[Device]:
    """Run a device on the echo engine for the block."""
    config = Config(state_dir=state, engine="echo", auth="open", offline=True, parallel=2)
    node = Node(msgspec.structs.replace(config, **settings), engine_environment())
    await node.open()
    node.start()
    try:
        async with following(node, hub or Hub()) as found:
            yield found
    finally:
        await node.stop()


@asynccontextmanager
async def following(node: Node, hub: Hub) -> AsyncIterator[Device]:
    """Have a node follow commands for the block; it is connected from the start."""
    time = FakeTime()
    telemetry = Telemetry(time, Clock(source=time))
    inbox = Inbox(node, telemetry, TOPICS)
    await inbox.connected(hub)
    try:
        yield Device(node, inbox, hub, telemetry)
    finally:
        await inbox.close()


async def until(holds: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - whoever makes it hold knows nothing of us
            await asyncio.sleep(0.005)


async def ready(found: Device) -> None:
    """Wait until the engine serves."""
    await until(found.node.names)


def run(
    state: Path,
    scenario: Callable[[Device], Awaitable[None]],
    hub: Hub | None = None,
    **settings: Any,  # noqa: ANN401 - those of Config
) -> None:
    """Run a device on the echo engine for a scenario."""

    async def whole() -> None:
        async with device(state, hub, **settings) as found:
            await ready(found)
            await scenario(found)

    asyncio.run(whole())


def counting(found: Device) -> list[int]:
    """Have `reload_config` leave a mark each time it is carried out."""
    marks: list[int] = []

    def read() -> Resolved:
        marks.append(1)
        return Resolved(found.node.settings.given, {})

    found.node.reread = read
    return marks
