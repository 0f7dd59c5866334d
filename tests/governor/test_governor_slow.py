"""The governor with a real model: the threads of llama.cpp really change; only the heat is made up."""

import asyncio
import itertools
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.config import Config, engine_environment
from agent.engines import Sampling
from agent.governor.governor import Governor
from agent.inference import frames
from agent.node import Node
from tests.hardware.planting import ZONE, plant
from tests.inference.supervising import until

pytestmark = pytest.mark.slow
logger = logging.getLogger(__name__)
HASTE = 6  # times as fast as in reality time passes for the policies; the engine knows nothing of it


class Oven:
    """A Raspberry Pi whose sensor says what a test wants, with some noise."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.celsius = 50.0

    async def run(self) -> None:
        for noise in itertools.cycle((0.1, 0.0, -0.1)):
            files = {f"{ZONE}/type": "cpu-thermal\n", f"{ZONE}/temp": f"{round(1000 * (self.celsius + noise))}\n"}
            plant(self._root, files)
            await asyncio.sleep(1)


def used(pid: int) -> dict[str, float]:
    """Return the seconds of processor time that each thread of a process has used."""
    seconds = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        seconds[task.name] = (int(fields[11]) + int(fields[12])) / 100
    return seconds


@dataclass(frozen=True)
class Measured:
    """What some seconds of an answer took: threads that computed, processors in use, tokens per second."""

    threads: int
    processors: float
    speed: float


async def measure(node: Node) -> Measured:
    """Measure six seconds of an answer, or as long as that takes."""
    story = frames.Generate(0, Sampling(seed=1), prompt="Once upon a time", max_tokens=1900, ignore_end=True)
    answer = node.generate(story)
    begun, before, tokens = time.monotonic(), used(node.engine_pid), 0
    while time.monotonic() - begun < 6 and (events := await answer.events()):
        tokens += sum(event.tokens for event in events if isinstance(event, frames.Delta))
    passed = time.monotonic() - begun
    answer.cancel()
    spent = [seconds - before.get(task, 0.0) for task, seconds in used(node.engine_pid).items()]
    computing = sum(seconds > 0.2 * sum(spent) for seconds in spent)
    return Measured(computing, sum(spent) / passed, tokens / passed)


def test_a_hot_board_computes_with_fewer_threads_and_a_cool_one_with_all(tmp_path: Path, starter: Path) -> None:
    tree = tmp_path / "tree"
    oven = Oven(tree)
    config = Config(
        state_dir=tmp_path / "state", engine="llama_cpp", model=str(starter), threads=2, context=2048, offline=True
    )

    async def scenario() -> None:
        node = Node(config, engine_environment())
        node.governor = Governor(node, node._room, tree, clock=lambda: HASTE * time.monotonic())
        heating = asyncio.create_task(oven.run())
        node.start()
        try:
            await until(lambda: node.health().status == "ok", 60)
            full = await measure(node)
            oven.celsius = 85.0
            await until(lambda: (node.governor.state().level, node.governor.state().threads) == (3, 1), 30)
            quarter = await measure(node)
            oven.celsius = 50.0
            await until(lambda: node.governor.state().level == 0, 120)
            again = await measure(node)
            assert node.governor.state().threads == 2
        finally:
            heating.cancel()
            await node.stop()
        logger.info("full: %s, quarter: %s, again: %s", full, quarter, again)
        assert [full.threads, quarter.threads, again.threads] == [2, 1, 2]
        assert quarter.processors < 0.75  # half of one; other programs may take some of that, and of the speed

    asyncio.run(scenario())
