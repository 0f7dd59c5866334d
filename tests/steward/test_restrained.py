"""The steward while something keeps the best model from running."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent import pinned
from agent.config import Config
from agent.errors import EngineUnavailableError
from agent.restraints import Restraint
from tests.selecting import small_model
from tests.stewarding import answer, install, running, serves, until


def test_another_model_serves_while_the_best_may_not_and_then_the_best_again(home: Path, config: Config) -> None:
    async def scenario() -> None:
        await install(config, small_model(home / "one.gguf"))
        async with running(replace(config, offline=True)) as node:
            await until(lambda: node.health().status == "ok")
            first = node.health().model
            other = "one" if first == "old" else "old"
            node.restraints.set("heat", Restraint("It is hot.", "Let it cool.", only=(other,)))
            await serves(node, other)
            (held,) = node.health().restraints
            assert (held.cause, held.reason, held.way_out) == ("heat", "It is hot.", "Let it cool.")
            node.restraints.lift("heat")
            await serves(node, first)
            assert node.health().restraints == []

    asyncio.run(scenario())


def test_nothing_runs_where_nothing_may_and_the_reason_is_said(config: Config) -> None:
    async def scenario() -> None:
        async with running(replace(config, offline=True)) as node:
            await serves(node, "old")
            node.restraints.set("crashes", Restraint("It crashed.", "Try again.", only=()))
            await until(lambda: node.health().status == "failed")
            assert (node.health().detail, node.health().hint) == ("It crashed.", "Try again.")
            assert node.engine_pid == 0
            with pytest.raises(EngineUnavailableError, match="It crashed"):
                await answer(node)
            node.restraints.lift("crashes")
            await serves(node, "old")
            assert await answer(node, 4) == 4

    asyncio.run(scenario())


def test_the_wish_of_the_user_may_be_stronger(home: Path, config: Config) -> None:
    async def scenario() -> None:
        await install(config, small_model(home / "mine.gguf"))
        pinned.write(config.state_dir, "mine")
        async with running(replace(config, offline=True)) as node:
            await serves(node, "mine")
            node.restraints.set("heat", Restraint("It is hot.", only=("old",), binds_wish=False))
            await asyncio.sleep(1.5)
            assert (node.health().status, node.health().model) == ("ok", "mine")
            node.restraints.set("heat", Restraint("It is hot.", only=("old",)))
            await serves(node, "old")

    asyncio.run(scenario())
