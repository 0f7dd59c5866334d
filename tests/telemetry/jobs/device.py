"""A real node with two small models that llama.cpp runs, its jobs, and a hub that remembers what it is told."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from agent import pinned
from agent.config import Config, engine_environment
from agent.errors import LinkDownError
from agent.node import Node
from agent.telemetry.clock import Clock
from agent.telemetry.jobs import Jobs
from agent.telemetry.jobs.record import Record
from agent.telemetry.message import Outgoing
from agent.telemetry.payloads import JobState, JobStatus
from agent.telemetry.topics import Topics
from tests.selecting import MODEST, know_speed, small_model
from tests.stewarding import install, serves, until
from tests.telemetry.fake_time import FakeTime

TOPICS = Topics("edgewise/v1", "device-1")
OLD, NEW = "old", "new"


@dataclass
class Hub:
    """Stands for a connection to the broker."""

    window: int = 16
    connected: bool = True
    sent: list[tuple[str, JobStatus]] = field(default_factory=list)

    async def publish(self, message: Outgoing) -> None:
        await asyncio.sleep(0)
        if not self.connected:
            raise LinkDownError("cut")
        assert message.retain
        assert message.qos == 1
        identifier = message.topic.removeprefix(TOPICS.own("job/")).removesuffix("/status")
        self.sent.append((identifier, msgspec.json.decode(message.payload, type=JobStatus)))

    def offer(self, message: Outgoing) -> bool:
        raise AssertionError(f"{message.topic} must not be dropped")

    def last(self, identifier: str = "j1") -> JobStatus:
        return next((status for job, status in reversed(self.sent) if job == identifier))


class Watched(Jobs):
    """Notes each state that is written down, and copies all that is on the disk then: what a power cut would leave."""

    images: Path | None = None

    def __init__(self, node: Node, time: FakeTime) -> None:
        super().__init__(node, TOPICS, node.store, Clock(None, time))
        self.states: list[str] = []

    async def enter(self, record: Record, state: JobState, reason: str = "") -> None:
        await super().enter(record, state, reason)
        self.states.append(state)
        if self.images is not None:
            passing = shutil.ignore_patterns("*.new")  # see agent.durable: about to be renamed
            shutil.copytree(self._host.config.state_dir, self.images / state, ignore=passing)


@dataclass
class Device:
    node: Node
    jobs: Watched
    hub: Hub
    time: FakeTime

    async def send(self, job: dict[str, Any], identifier: str = "j1") -> None:
        await self.jobs.received(identifier, msgspec.json.encode(job))

    async def ends(self, identifier: str = "j1", within: float = 30) -> JobStatus:
        """Wait until the hub is told the end of a job."""
        ends = {"successful", "failed", "rolled_back", "canceled"}
        await until(lambda: any(job == identifier and told.state in ends for job, told in self.hub.sent), within)
        return self.hub.last(identifier)

    async def reaches(self, state: str, identifier: str = "j1") -> None:
        await until(lambda: dict(self.jobs.listed())[identifier].state == state)

    def installed(self) -> list[str]:
        return [model.name for model in self.node.models.installed()]

    def chosen(self) -> str:
        return pinned.read(self.node.config.state_dir)


def settings(home: Path) -> Config:
    """Return the settings of a device."""
    return Config(state_dir=home / "state", offline=True, context=256, parallel=2, threads=1)


def prepared(home: Path) -> None:
    """Install the old model on a device, and put the new one beside it."""
    config = settings(home)
    asyncio.run(know_speed(config, MODEST))
    asyncio.run(install(config, small_model(home / f"{OLD}.gguf")))
    small_model(home / f"{NEW}.gguf")


@asynccontextmanager
async def running(
    config: Config, images: Path | None = None, *, serving: str = OLD, working: bool = True
) -> AsyncIterator[Device]:
    """Run a device, with jobs that go on from where they are, unless `working` is off."""
    node, time, hub = Node(config, engine_environment()), FakeTime(), Hub()
    await node.open()
    jobs = Watched(node, time)
    jobs.images = images
    await jobs.resume()
    tasks = [asyncio.create_task(work) for work in (jobs.run(hub), *([jobs.work()] if working else []))]
    await asyncio.sleep(0)
    node.start()
    try:
        if serving:
            await serves(node, serving)
        yield Device(node, jobs, hub, time)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await asyncio.wait_for(node.stop(), 10)


def update(path: Path, **fields: object) -> dict[str, Any]:
    """Return a job that brings the model at a path."""
    artifact = {"reference": str(path), "sha256": sha256(path), "size": path.stat().st_size}
    return {"type": "model_update", "artifact": artifact, **fields}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
