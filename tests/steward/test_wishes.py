"""What users do while the steward works: they choose, bring and remove models."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent import pinned, steward
from agent.config import Config
from tests.fake_hub import FakeHub, Fault
from tests.selecting import ABSURD, Entry, small_model, write_family
from tests.stewarding import answer, install, offered, running, serves, state, until

TAKES_OVER = "takes over as soon as nobody is being answered"


@pytest.mark.slow
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
            assert not any(model.name == "best" for model in node.models.installed())
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
            node.models.remove("mine")
            assert await running_answer == 1000
            await serves(node, "old")
            assert node.health().restarts == 0
            assert state(node).wanted == ""
            await asyncio.sleep(0.3)

    asyncio.run(scenario())
    assert 1 <= sum("mine was chosen but is not installed" in line for line in caplog.messages) <= 2
