"""The steward at work: the choice comes behind what serves, takes over, and is corrected by what was measured."""

import asyncio
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.config import Config
from agent.errors import EngineUnavailableError
from tests.fake_hub import FakeHub, Fault
from tests.inference.supervising import children
from tests.selecting import ABSURD, write_family
from tests.stewarding import answer, offered, running, serves, state, until

TAKES_OVER = "takes over as soon as nobody is being answered"
BEST = "hf:me/it/best.gguf"


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


@pytest.mark.slow  # `test_takeover` sees the same of a whole daemon
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
            answers = asyncio.gather(*(answer(node, 2500) for _ in range(2)))
            await until(lambda: f"best {TAKES_OVER}" in caplog.messages)
            assert node.health().model == "old"
            assert node.health().active == 2
            assert await answers == [2500, 2500]
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


def test_after_the_end_requests_are_told_so(config: Config) -> None:
    async def scenario() -> None:
        async with running(replace(config, offline=True)) as node:
            await serves(node, "old")
        with pytest.raises(EngineUnavailableError, match="shutting down") as caught:
            await answer(node)
        assert caught.value.retry_after == 0
        assert state(node).serving == ""

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


@pytest.mark.parametrize(
    "seconds",
    [0.02, 0.3, *(pytest.param(seconds, marks=pytest.mark.slow) for seconds in (0.0, 0.1, 0.2, 0.4, 0.6, 0.8))],
)
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
