"""A node that chooses, fetches and switches for itself, on a computer of a known speed and with a hub on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from agent.config import Config, engine_environment
from agent.engines import Sampling
from agent.inference.frames import Delta, Generate
from agent.models import InstalledModel
from agent.models.starter import WHEEL_SHA256
from agent.node import Node
from agent.state import SelectionState
from tests.fake_hub import FakeHub, HubFile
from tests.selecting import MODEST, Entry, know_speed, on_hub, small_model


class Wheel(HubFile):
    """Stands on an index for the wheel with the starter model, of which nothing needs to be fetched any more."""

    @property
    def sha256(self) -> str:
        return WHEEL_SHA256


def settings(home: Path, hub: FakeHub) -> Config:
    """Return the settings of a device that knows no hub but this."""
    return Config(
        state_dir=home / "state",
        least_speed=5.0,
        context=256,
        parallel=2,
        threads=1,
        hf_endpoint=hub.url,
        pypi_index=f"{hub.url}/simple",
    )


@asynccontextmanager
async def running(config: Config, *, speed: float = MODEST) -> AsyncIterator[Node]:
    """Run a node; it must not take long to stop."""
    await know_speed(config, speed)
    node = Node(config, engine_environment())
    node.start()
    try:
        yield node
    finally:
        await asyncio.wait_for(node.stop(), 10)


async def install(config: Config, path: Path, name: str = "") -> InstalledModel:
    """Install a model as another process would."""
    return await Node(config, {}).models.pull(str(path), config.sources(), name=name or path.stem)


def offered(hub: FakeHub, path: Path, **fields: object) -> Entry:
    """Put a small model on the hub, and return its entry for a family file."""
    small_model(path)
    reference, repos = on_hub(path)
    for repo, files in repos.items():
        hub.repos.setdefault(repo, {}).update(files)
    return msgspec.convert({"name": path.stem, "reference": reference, "bytes": path.stat().st_size, **fields}, Entry)


async def until(condition: Callable[[], bool], within: float = 15.0) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - states have no event
            await asyncio.sleep(0.005)


async def serves(node: Node, name: str, within: float = 15.0) -> None:
    """Wait until this model answers."""
    await until(lambda: (node.health().status, node.health().model) == ("ok", name), within)


def state(node: Node) -> SelectionState:
    """Return what `GET /api/edgewise/selection` says."""
    selection = node.selection()
    assert selection is not None
    return selection


async def answer(node: Node, tokens: int = 24) -> int:
    """Ask for an answer of so many tokens to a long question; returns how many came."""
    question = [{"role": "user", "content": "a long question " * 12}]
    stream = node.generate(Generate(0, Sampling(), messages=question, max_tokens=tokens, ignore_end=True))
    count = 0
    while events := await stream.events():
        count += sum(event.tokens for event in events if isinstance(event, Delta))
    return count
