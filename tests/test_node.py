"""The node with real parts: the echo engine, a store on disk, a hub on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.config import Config, engine_environment
from agent.engines import Sampling
from agent.errors import EngineUnavailableError, ModelFileError, ModelNotFoundError
from agent.inference import frames
from agent.models.progress import Progress
from agent.node import Node
from agent.restraints import Restraint
from agent.state import Health
from agent.steward import Coming
from tests.fake_hub import running_hub


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[Node]:
    node = Node(config, engine_environment())
    node.start()
    try:
        yield node
    finally:
        await node.stop()


async def settled(node: Node) -> Health:
    """Wait until the node is ready or has given up."""
    async with asyncio.timeout(20):
        while (health := node.health()).status not in {"ok", "failed"}:  # noqa: ASYNC110 - states have no event
            await asyncio.sleep(0.01)
    return health


async def answer(node: Node, text: str) -> str:
    request = frames.Generate(0, Sampling(), messages=[{"role": "user", "content": text}])
    stream = node.generate(request)
    said = ""
    while events := await stream.events():
        said += "".join(event.text for event in events if isinstance(event, frames.Delta))
    return said


def test_answers_and_says_that_it_is_well(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(Config(state_dir=tmp_path, engine="echo")) as node:
            assert (await settled(node)).status == "ok"
            assert await answer(node, "hello") == "hello"
            assert node.names() == ["echo"]
            assert node.engine_pid > 0

    asyncio.run(scenario())


def test_an_engine_that_may_not_run_is_not_run_by_a_restart_either(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(Config(state_dir=tmp_path, engine="echo")) as node:
            await settled(node)
            listeners = len(node.restraints.on_change)
            node.restraints.set("crashes", Restraint("It crashes.", only=()))
            async with asyncio.timeout(20):
                while node.health().status == "ok":  # noqa: ASYNC110 - states have no event
                    await asyncio.sleep(0.01)
            await node.restart_engine(0)
            await asyncio.sleep(0.1)  # for what it would start
            assert (await settled(node)).detail == "It crashes."
            assert node.engine_pid == 0
            node.restraints.lift("crashes")
            await asyncio.sleep(0.1)
            assert (await settled(node)).status == "ok"
            assert len(node.restraints.on_change) == listeners

    asyncio.run(scenario())


def test_refuses_requests_while_loading_and_says_when_to_ask_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(Config(state_dir=tmp_path, engine="echo")) as node:
            assert node.health().status == "loading"
            with pytest.raises(EngineUnavailableError) as caught:
                await answer(node, "hello")
            assert caught.value.retry_after > 0

    asyncio.run(scenario())


def test_a_file_is_served_under_its_name(tmp_path: Path, starter: Path) -> None:
    async def scenario() -> None:
        async with running(
            Config(state_dir=tmp_path, model=str(starter), context=256, parallel=1, offline=True)
        ) as node:
            assert (await settled(node)).model == starter.stem
            assert node.model is not None
            assert node.model.context == 256

    asyncio.run(scenario())


def test_an_unknown_model_is_refused_before_anything_starts(tmp_path: Path) -> None:
    node = Node(Config(state_dir=tmp_path, model="nonsense", offline=True), engine_environment())
    with pytest.raises(ModelNotFoundError, match="nonsense"):
        node.start()


def test_a_broken_file_is_refused_before_anything_starts(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\xff" * 100)
    node = Node(Config(state_dir=tmp_path, model=str(broken), offline=True), engine_environment())
    with pytest.raises(ModelFileError):
        node.start()


def test_serves_the_name_default_and_aliases_and_nothing_else(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(Config(state_dir=tmp_path, engine="echo", aliases=["gpt-4.1"])) as node:
            await settled(node)
            assert all(node.serves(name) for name in ("echo", "default", "", "gpt-4.1"))
            assert not node.serves("gpt-5")

    asyncio.run(scenario())


def test_without_a_network_it_stays_up_and_names_the_usb_way(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(Config(state_dir=tmp_path, offline=True)) as node:
            health = await settled(node)
            assert health.status == "failed"
            assert "usb" in health.hint
            with pytest.raises(EngineUnavailableError, match="network") as caught:
                await answer(node, "hello")
            assert caught.value.retry_after == 0

    asyncio.run(scenario())


def test_a_model_that_somebody_brings_is_served_without_a_restart(tmp_path: Path, starter: Path) -> None:
    async def scenario() -> None:
        config = Config(state_dir=tmp_path, offline=True, context=256, parallel=1)
        async with running(config) as node:
            assert (await settled(node)).status == "failed"
            await node.models.pull(str(starter), config.sources(), name="brought")
            async with asyncio.timeout(20):
                while node.health().status != "ok":  # noqa: ASYNC110 - states have no event
                    await asyncio.sleep(0.05)
            assert node.names() == ["brought"]

    asyncio.run(scenario())


def test_a_failing_index_is_told_and_not_fatal(tmp_path: Path) -> None:
    async def scenario() -> None:
        with running_hub() as hub:  # knows no starter model
            config = Config(state_dir=tmp_path, pypi_index=f"{hub.url}/simple", hf_endpoint=hub.url)
            async with running(config) as node:
                health = await settled(node)
                assert health.status == "failed"
                assert health.detail
                assert health.hint

    asyncio.run(scenario())


def test_a_model_that_crashes_gives_way_to_the_next(tmp_path: Path, starter: Path) -> None:
    """A file whose header is sound and whose tensors are not is set aside; an installed model serves instead."""

    async def scenario() -> None:
        config = Config(state_dir=tmp_path, context=256, parallel=1, offline=True)
        first = Node(config, engine_environment())
        await first.models.pull(str(starter), config.sources(), name="works")
        bad = tmp_path / "crashes"
        bad.write_text("!crash")
        async with running(Config(state_dir=tmp_path, engine="echo", model=str(bad))) as node:
            health = await settled(node)
            assert health.status == "failed"
            assert "set aside" in health.detail
            assert [verdict.aside for verdict in node.set_aside.all()] == [True]
        async with running(config) as node:
            assert (await settled(node)).model == "works"

    asyncio.run(scenario())


def test_the_download_of_the_starter_is_told_while_it_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        with running_hub() as hub:
            caplog.set_level("INFO", "agent.steward")
            config = Config(state_dir=tmp_path, pypi_index=f"{hub.url}/simple", hf_endpoint=hub.url)
            async with running(config) as node:
                steward = node._steward
                steward.coming = Coming("smollm2-135m-instruct-q4_1")
                steward._progress(Progress("downloading", done=1, total=4))
                assert node.health().status == "downloading"
                assert node.health().progress == 0.25
                steward._progress(Progress("downloading", done=2, total=4))
                steward._progress(Progress("verifying", done=0, total=4))
        assert [line for line in caplog.messages if "downloading" in line] == [
            "smollm2-135m-instruct-q4_1: downloading, 25 %"
        ]
        assert "smollm2-135m-instruct-q4_1: verifying, 0 %" in caplog.messages

    asyncio.run(scenario())
