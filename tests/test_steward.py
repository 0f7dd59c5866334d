"""The steward at work: it chooses, fetches and switches, and gets over what goes wrong."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent import pinned, steward
from agent.config import Config
from agent.errors import EngineUnavailableError
from agent.inference.set_aside import identify
from agent.models.starter import NAME as STARTER
from agent.node import Node
from tests.fake_hub import FakeHub, Fault, HubFile, running_hub
from tests.inference.supervising import children
from tests.selecting import ABSURD, Entry, small_model, write_family
from tests.stewarding import answer, install, offered, running, serves, settings, state, until

CLOSED = "http://127.0.0.1:9"  # nobody listens at the port "discard"
TAKES_OVER = "takes over as soon as nobody is being answered"
BEST = "hf:me/it/best.gguf"


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with running_hub() as hub:
        yield hub


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steward, "_LOOK_SECONDS", 0.05)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def config(home: Path, hub: FakeHub) -> Config:
    """The settings of a device on which a model called `old` is installed."""
    config = settings(home, hub)
    asyncio.run(install(config, small_model(home / "old.gguf")))
    return config


def test_the_choice_comes_behind_what_is_installed_and_takes_over(
    home: Path, config: Config, hub: FakeHub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    write_family(home, offered(hub, home / "best.gguf"))
    hub.script = [Fault(trickle=0.005)]

    async def scenario() -> None:
        async with running(config) as node:
            await serves(node, "old")
            await until(lambda: "downloading" in state(node).coming)
            seen = state(node)
            assert (seen.serving, seen.wanted, seen.selection.title, seen.selection.installed) == (
                "old",
                "",
                "Best",
                "",
            )
            assert seen.coming.startswith("Best: downloading")
            assert (node.health().status, node.health().detail) == ("ok", f"old is ready. {state(node).coming}")
            await serves(node, "best")
            await until(lambda: not state(node).coming)
            assert state(node).serving == state(node).selection.installed == "best"
            assert state(node).failures == []

    asyncio.run(scenario())
    assert [line for line in caplog.messages if "takes over" in line] == [f"best {TAKES_OVER}"]
    assert len(hub.content_requests()) == 1
    assert json.loads((config.state_dir / "decision.json").read_text())["file"] == BEST


def test_an_answer_in_progress_when_the_download_ends_is_not_cut(
    home: Path, config: Config, hub: FakeHub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    write_family(home, offered(hub, home / "best.gguf"))

    async def scenario() -> None:
        hub.always = Fault(status=503)
        config_long = replace(config, context=8192)
        async with running(config_long) as node:
            await serves(node, "old")
            hub.always = Fault()
            answers = asyncio.gather(*(answer(node, 1500) for _ in range(2)))
            await until(lambda: f"best {TAKES_OVER}" in caplog.messages)
            assert node.health().model == "old"
            assert node.health().active == 2
            assert await answers == [1500, 1500]
            await serves(node, "best")
            assert node.health().restarts == 0

    asyncio.run(scenario())


def test_a_choice_that_misses_its_prediction_gives_way_for_good(
    home: Path, config: Config, hub: FakeHub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    write_family(home, offered(hub, home / "hasty.gguf"))

    async def scenario() -> None:
        async with running(config, speed=ABSURD) as node:
            await until(lambda: bool(node.selection() and state(node).failures))
            await serves(node, "old")
            (failure,) = state(node).failures
            assert failure.startswith("hasty is set aside: it gave ")
            assert failure in node.health().detail
            await until(lambda: state(node).selection.title != "Hasty")
            entry = next(entry for entry in state(node).selection.rejected if entry.installed == "hasty")
            assert entry.verdict == "unsuitable"
            assert "tokens per second in its trial run" in entry.reason
            requests = len(hub.content_requests())
            await asyncio.sleep(0.5)  # ten looks
            assert len(hub.content_requests()) == requests
            assert await answer(node) == 24
        async with running(config, speed=ABSURD) as node:
            await serves(node, "old")
            await asyncio.sleep(0.2)
            assert state(node).serving == "old"

    asyncio.run(scenario())
    assert sum("takes over" in line for line in caplog.messages) == 1
    assert sum(line.startswith("Loaded hasty") for line in caplog.messages) == 0
    (verdict,) = json.loads((config.state_dir / "set-aside.json").read_text())
    assert verdict["model"].startswith("hasty.gguf ")
    assert "tokens per second in its trial run" in verdict["reason"]


def test_what_the_user_insists_on_serves_although_it_missed_its_prediction(
    home: Path, config: Config, hub: FakeHub
) -> None:
    write_family(home, offered(hub, home / "hasty.gguf"))

    async def scenario() -> None:
        async with running(config, speed=ABSURD) as node:
            await until(lambda: bool(node.selection() and state(node).failures))
            await serves(node, "old")
            pinned.write(config.state_dir, "hasty")
            await serves(node, "hasty")
            assert state(node).wanted == "hasty"
            assert state(node).failures == []

    asyncio.run(scenario())


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


def test_without_a_network_it_is_said_what_cannot_be_fetched_and_tried_again(
    home: Path, config: Config, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_family(home, offered(hub, home / "best.gguf"))
    monkeypatch.setattr(steward, "_DELAYS", (0.3,))

    async def scenario() -> None:
        async with running(replace(config, hf_endpoint=CLOSED)) as node:
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
        (Fault(corrupt=True), None, "wrong content"),
        (Fault(), HubFile(b"no model at all" * 1000), "GGUF"),
        (Fault(content_type="text/html"), None, "web page"),
        (Fault(), HubFile(huge=1 << 52), "disk space"),
        (Fault(status=403), None, "403"),
    ],
    ids=["corrupt", "no model", "web page", "disk full", "forbidden"],
)
def test_what_cannot_be_used_is_said_and_not_fetched_again_and_again(
    home: Path,
    config: Config,
    hub: FakeHub,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    file: HubFile | None,
    words: str,
) -> None:
    write_family(home, offered(hub, home / "best.gguf"))
    hub.always = fault
    if file:
        hub.repos["me/it"]["best.gguf"] = file
    monkeypatch.setattr(steward, "_DELAYS", (60.0,))
    monkeypatch.setattr(steward, "_SPOILT_SECONDS", 3600.0)

    async def scenario() -> None:
        async with running(config) as node:
            await serves(node, "old")
            await until(lambda: words in state(node).coming)
            assert state(node).coming.startswith("Best cannot be fetched: ")
            assert state(node).coming in node.health().detail
            assert node.health().status == "ok"
            assert await answer(node) == 24
            await asyncio.sleep(0.3)
            assert len(hub.content_requests()) == 1

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
            await asyncio.sleep(0.5)

    asyncio.run(scenario())
    assert len(hub.content_requests()) == 1


def test_what_the_user_chooses_is_followed_and_so_is_leaving_the_choice_to_us(
    home: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steward, "_LOOK_SECONDS", 1.0)

    async def scenario() -> None:
        await install(config, small_model(home / "mine.gguf"))
        async with running(replace(config, offline=True)) as node:
            await until(lambda: node.health().status == "ok")
            first = node.health().model
            other = "mine" if first == "old" else "old"
            pinned.write(config.state_dir, other)
            await serves(node, other, within=3)
            assert state(node).wanted == other
            pinned.write(config.state_dir, "")
            await serves(node, first, within=3)
            assert state(node).wanted == ""
        pinned.write(config.state_dir, other)
        async with running(replace(config, offline=True)) as node:
            await serves(node, other)

    asyncio.run(scenario())


def test_a_choice_made_while_another_model_takes_over_is_not_overlooked(
    home: Path, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    async def scenario() -> None:
        for name in ("one", "two"):
            await install(config, small_model(home / f"{name}.gguf"))
        async with running(replace(config, offline=True, context=4096)) as node:
            await until(lambda: node.health().status == "ok")
            first, second = sorted({"one", "two", "old"} - {node.health().model})
            running_answer = asyncio.create_task(answer(node, 1000))
            await asyncio.sleep(0.05)
            pinned.write(config.state_dir, first)
            await until(lambda: f"{first} {TAKES_OVER}" in caplog.messages)
            pinned.write(config.state_dir, second)
            assert await running_answer == 1000
            await serves(node, second)

    asyncio.run(scenario())


def test_a_choice_during_a_download_is_followed_and_the_download_goes_on_later(
    home: Path, config: Config, hub: FakeHub
) -> None:
    write_family(home, offered(hub, home / "best.gguf"))
    hub.script = [Fault(trickle=0.01)]

    async def scenario() -> None:
        await install(config, small_model(home / "mine.gguf"))
        async with running(config) as node:
            await until(lambda: bool(node.selection()) and "downloading" in state(node).coming)
            other = "mine" if node.health().model == "old" else "old"
            pinned.write(config.state_dir, other)
            await serves(node, other)
            assert state(node).coming == ""
            pinned.write(config.state_dir, "")
            await serves(node, "best")

    asyncio.run(scenario())
    first, second = hub.content_requests()
    assert first.range is None
    assert second.range is not None


def test_a_model_that_somebody_brings_during_a_download_serves_at_once(
    home: Path, config: Config, hub: FakeHub
) -> None:
    family = (offered(hub, home / "best.gguf"), Entry("good", str(home / "good.gguf"), 2_000_000, quality=98.0))
    write_family(home, *family)
    hub.script = [Fault(trickle=0.02)]

    async def scenario() -> None:
        async with running(config) as node:
            await until(lambda: bool(node.selection()) and "downloading" in state(node).coming)
            await install(config, small_model(home / "good.gguf"))
            await serves(node, "good")
            assert not any(model.name == "best" for model in node.store.installed())
            await serves(node, "best")

    asyncio.run(scenario())


def test_the_model_that_serves_can_be_removed_while_it_answers(
    home: Path, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        await install(config, small_model(home / "mine.gguf"))
        pinned.write(config.state_dir, "mine")
        async with running(replace(config, offline=True, context=4096)) as node:
            await serves(node, "mine")
            running_answer = asyncio.create_task(answer(node, 1000))
            await asyncio.sleep(0.05)
            node.store.remove("mine")
            assert await running_answer == 1000
            await serves(node, "old")
            assert node.health().restarts == 0
            assert state(node).wanted == ""
            await asyncio.sleep(0.3)

    asyncio.run(scenario())
    assert sum("is not installed any more" in line for line in caplog.messages) <= 2


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
        node.set_aside.add(identify(node.store.path(model)), candidate.build, "it crashed.", aside=True)
        async with running(config) as node:
            await until(lambda: node.health().status == "failed")
            assert f"{STARTER} is set aside since" in node.health().detail
            lines = len(caplog.messages)
            await asyncio.sleep(0.5)
            assert len(caplog.messages) - lines <= 3

    asyncio.run(scenario())


def test_real_answers_correct_the_prediction(config: Config) -> None:
    async def scenario() -> None:
        async with running(replace(config, offline=True)) as node:
            await serves(node, "old")
            assert await answer(node) == 24
            selection = await node._chooser.choose(remember=False)
            entry = next(entry for entry in (selection, *selection.rejected) if entry.installed == "old")
            assert entry.measured
            assert entry.predicted is not None
            assert entry.predicted.decode > 100  # 47 was predicted
        known = json.loads((config.state_dir / "measurements.json").read_text())
        assert any("old.gguf" in key for key in known["runs"])

    asyncio.run(scenario())


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.1, 0.3, 0.6])
def test_stop_at_any_moment_is_quick_and_leaves_nothing(
    home: Path, config: Config, hub: FakeHub, seconds: float
) -> None:
    write_family(home, offered(hub, home / "best.gguf"))
    hub.always = Fault(trickle=0.002)

    async def scenario() -> None:
        async with running(config):
            await asyncio.sleep(seconds)
        assert not children()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())
