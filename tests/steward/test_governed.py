"""The steward under the governor: memory that runs out has a smaller model run, and then the larger one again."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent import pinned
from agent.config import Config
from agent.governor.governor import Governor
from agent.node import Node
from tests.hardware.planting import ZONE, plant
from tests.stewarding import answer, install, running, serves

LARGE = "large"


class Watched:
    """A governor on a computer whose memory and temperature a test sets, looked at by hand."""

    def __init__(self, node: Node, root: Path) -> None:
        self._root = root
        self._now = 0.0
        self.governor = Governor(node, node._room, root, lambda: self._now)

    async def looks(self, seconds: float, *, megabytes: int = 2000, celsius: float = 50.0) -> None:
        """Look for some seconds."""
        end = self._now + seconds
        while self._now < end:
            self._now += 2.0 if seconds < 60 else 10.0
            meminfo = f"MemTotal: {4 << 20} kB\nMemAvailable: {megabytes << 10} kB\n"
            milli = round(1000 * celsius) + 100 * (int(self._now) % 4)
            plant(self._root, {"proc/meminfo": meminfo, f"{ZONE}/type": "cpu\n", f"{ZONE}/temp": f"{milli}\n"})
            await self.governor.look()


def test_when_memory_runs_out_a_smaller_model_serves_until_there_is_room(
    home: Path, config: Config, starter: Path
) -> None:
    async def scenario() -> None:
        await install(config, starter, LARGE)
        pinned.write(config.state_dir, LARGE)
        async with running(replace(config, offline=True, governor=False)) as node:
            await serves(node, LARGE, 60)
            node.config = replace(node.config, governor=True)
            watched = Watched(node, home / "tree")
            await watched.looks(36, megabytes=75)
            await serves(node, "old")
            (held,) = node.health().restraints
            assert (held.cause, "75.0 MiB" in held.reason) == ("memory", True)
            assert await answer(node, 4) == 4
            await watched.looks(620)
            await serves(node, LARGE, 60)
            assert node.health().restraints == []

    asyncio.run(scenario())


@pytest.mark.slow
def test_in_lasting_heat_the_model_that_the_user_has_chosen_stays(home: Path, config: Config, starter: Path) -> None:
    async def scenario() -> None:
        await install(config, starter, LARGE)
        pinned.write(config.state_dir, LARGE)
        async with running(replace(config, offline=True, governor=False)) as node:
            await serves(node, LARGE, 60)
            node.config = replace(node.config, governor=True)
            watched = Watched(node, home / "tree")
            busy = asyncio.create_task(answer(node, 100))
            await asyncio.sleep(0.05)
            await watched.looks(400, celsius=85.0)
            busy.cancel()
            assert node.restraints.all()["heat"].most is not None
            await asyncio.sleep(1.0)
            assert (node.health().status, node.health().model) == ("ok", LARGE)
            node.use_model("auto")
            await serves(node, "old")

    asyncio.run(scenario())
