"""Short measurements: through the engine, alone, kept in a file."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.benchmark import Benchmarks, request
from agent.config import Config, engine_environment
from agent.engines import Sampling
from agent.errors import EngineUnavailableError
from agent.inference.frames import Generate, Govern
from agent.inference.shares import SHARES
from agent.node import Node
from tests.stewarding import until


@asynccontextmanager
async def serving(state: Path) -> AsyncIterator[Node]:
    """Run a node with the echo engine."""
    node = Node(Config(state_dir=state, engine="echo", parallel=2), engine_environment())
    node.start()
    try:
        await until(lambda: node.health().status == "ok")
        yield node
    finally:
        await node.stop()


async def measured(node: Node) -> None:
    assert node.model is not None
    node.benchmarks.start("echo", node.model, 1)
    assert node.benchmarks.running
    await until(lambda: not node.benchmarks.running)


def anew(path: Path, node: Node) -> Benchmarks:
    return Benchmarks(path, node.generate, lambda: 0, lambda _: False)


def test_a_measurement_reads_and_writes_so_many_tokens_and_is_kept(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as node:
            await measured(node)
            await measured(node)
            latest, first = node.benchmarks.results()
            assert latest.taken >= first.taken
            assert (latest.model, latest.prompt, latest.answer, latest.shared) == ("echo", 512, 64, False)
            assert min(latest.prefill, latest.decode) > 0
            again = anew(tmp_path / "benchmarks.json", node)
            assert again.results() == [latest, first]

    asyncio.run(scenario())


def test_a_measurement_says_whether_the_engine_was_held_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as node:
            supervisor = node._supervisor
            supervisor.govern(Govern(SHARES[-1]))
            await measured(node)
            supervisor.govern(Govern())
            await measured(node)
            assert [result.slowed for result in node.benchmarks.results()] == [False, True]

    asyncio.run(scenario())


def test_a_file_of_an_older_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.json"

    async def scenario() -> None:
        async with serving(tmp_path / "state") as node:
            benchmarks = anew(path, node)
            assert node.model is not None
            benchmarks.start("echo", node.model, 1)
            await until(lambda: not benchmarks.running)
            kept = json.loads(path.read_text())
            del kept[0]["slowed"]
            path.write_text(json.dumps(kept))
            assert anew(path, node).results() == benchmarks.results()

    asyncio.run(scenario())


def test_it_is_refused_while_somebody_is_being_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(tmp_path) as node:
            assert node.model is not None
            answer = node.generate(Generate(0, Sampling(), prompt="x " * 50, max_tokens=5000, ignore_end=True))
            with pytest.raises(EngineUnavailableError):
                node.benchmarks.start("echo", node.model, 1)
            answer.cancel()
            assert not node.benchmarks.running

    asyncio.run(scenario())


def test_a_file_that_cannot_be_read_is_no_reason_to_fail(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.json"
    path.write_text("{")

    async def scenario() -> None:
        async with serving(tmp_path / "state") as node:
            assert anew(path, node).results() == []

    asyncio.run(scenario())


def test_prompts_differ_so_that_no_cache_answers() -> None:
    first, second = request(1000, 1, 512, 64), request(1000, 2, 512, 64)
    assert first.prompt != second.prompt
    assert isinstance(first.prompt, list)
    assert {250 <= token < 500 for token in first.prompt} == {True}
