"""Models make room for others on a real disk, and those that are needed stay."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from agent import pinned
from agent.errors import DownloadError
from agent.models import SourceSettings
from agent.models.installed import InstalledModel, write_model
from agent.models.starter import NAME as STARTER_NAME
from agent.node import Node
from agent.upkeep.news import Happened
from agent.upkeep.quota import GIB
from tests.fake_hub import FakeHub, HubFile, running_hub
from tests.tiny_model import tiny_model
from tests.web.door.house import house

SIZE = len(tiny_model())
NEW = "hf:me/it/new.gguf"
Scenario = Callable[[Node], Awaitable[None]]


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with running_hub() as hub:
        hub.repos["me/it"] = {"new.gguf": HubFile(tiny_model(seed=9))}
        yield hub


def put(node: Node, name: str, source: str = "hf:me/it/old.gguf") -> None:
    """Have a model count as installed."""
    folder = node.models.root / name
    folder.mkdir(parents=True)
    (folder / "model.gguf").write_bytes(tiny_model())
    write_model(folder, InstalledModel(name, "model.gguf", SIZE, "", source, "", "llama", "F32", 75_000, 2048))


def on(state: Path, scenario: Scenario, *names: str, models: float = 0, **settings: object) -> list[str]:
    """Run a scenario on a device that has these models, the least recently used first; return what is left.

    Args:
        state: its directory.
        scenario: what happens.
        names: of the models.
        models: how many models the quota has room for; 0: there is none.
        settings: of the configuration.
    """

    async def life() -> list[str]:
        async with house(state, models_quota=models * SIZE / GIB, **settings) as device:
            for name in names:
                put(device.node, name)
                device.node.upkeep.uses.note(name, 1.0)
            await scenario(device.node)
            return [model.name for model in device.node.models.installed()]

    return asyncio.run(life())


async def tidy(node: Node) -> None:
    await asyncio.to_thread(node.upkeep.clearing.tidy)


def test_the_least_recently_used_goes_and_is_an_event(tmp_path: Path) -> None:
    events: list[Happened] = []

    async def scenario(node: Node) -> None:
        await tidy(node)
        events.extend(node.upkeep.news.all())

    assert on(tmp_path, scenario, "a", "b", "c", models=2.5) == ["b", "c"]
    assert [(happened.event, happened.data["model"]) for happened in events] == [("model_removed", "a")]
    assert "models_quota" in events[0].data["because"]


def test_what_is_needed_stays_whatever_the_quota(tmp_path: Path) -> None:
    async def scenario(node: Node) -> None:
        pinned.write(node.config.state_dir, "a")
        await tidy(node)

    names = ("a", STARTER_NAME, "b", "c")
    assert on(tmp_path, scenario, *names, models=0.5) == sorted({"a", STARTER_NAME, "c"}), "c is the way back"


def test_a_model_that_is_being_downloaded_or_has_just_come_stays(tmp_path: Path) -> None:
    async def scenario(node: Node) -> None:
        put(node, "just-come")
        await tidy(node)

    assert on(tmp_path, scenario, "a", "b", "c", models=2.5) == ["c", "just-come"]


def test_without_a_quota_only_what_can_be_fetched_again_goes(tmp_path: Path) -> None:
    async def scenario(node: Node) -> None:
        put(node, "stick", source="/media/usb/model.gguf")
        node.config = msgspec.structs.replace(node.config, offline=False)
        held = {model.name: model.needed for model in node.upkeep.clearing.models()}
        assert held == {"a": "", "b": "before", "stick": "alone"}
        node.config = msgspec.structs.replace(node.config, offline=True)
        assert node.upkeep.clearing.models()[0].needed == "alone"

    on(tmp_path, scenario, "a", "b")


def test_a_download_gets_the_room_it_needs(tmp_path: Path, hub: FakeHub) -> None:
    async def scenario(node: Node) -> None:
        await node.models.pull(NEW, SourceSettings(hf_endpoint=hub.url))

    assert on(tmp_path, scenario, "a", "b", "c", models=3.5) == ["b", "c", "new"]


def test_a_download_that_fits_removes_nothing(tmp_path: Path, hub: FakeHub) -> None:
    async def scenario(node: Node) -> None:
        await node.models.pull(NEW, SourceSettings(hf_endpoint=hub.url))

    assert on(tmp_path, scenario, "a", "b", models=3.5) == ["a", "b", "new"]


def test_a_download_that_can_never_fit_is_refused_and_removes_nothing(tmp_path: Path, hub: FakeHub) -> None:
    async def scenario(node: Node) -> None:
        with pytest.raises(DownloadError, match="all models together may take"):
            await node.models.pull(NEW, SourceSettings(hf_endpoint=hub.url))

    assert on(tmp_path, scenario, "a", "b", models=0.5) == ["a", "b"]


def test_a_model_that_cannot_be_removed_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = shutil.rmtree

    def fails(path: Path) -> None:
        if path.name == "a":
            raise PermissionError(13, "no")
        remove(path)

    async def scenario(node: Node) -> None:
        monkeypatch.setattr(shutil, "rmtree", fails)
        await tidy(node)
        monkeypatch.undo()

    assert "b" not in on(tmp_path, scenario, "a", "b", "c", models=1.5)
