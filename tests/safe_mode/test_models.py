"""Real models whose engine dies, or that are not run because the daemon has."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent import survey
from agent.config import Config, engine_environment
from agent.errors import StoreError
from agent.inference.set_aside import identify
from agent.node import Node
from agent.safe_mode import crashes, marker
from agent.safe_mode.deaths import Bounds
from agent.safe_mode.lives import Lives, Rules
from agent.safe_mode.safe_mode import SafeMode, record_path
from agent.safe_mode.smallest import smallest
from agent.telemetry.reading import Reading
from agent.telemetry.telemetry import Telemetry
from agent.telemetry.watch import Watch
from tests.selecting import know_speed, small_model
from tests.stewarding import answer, install, running, serves, until

QUICK = Rules(limit=3, settling=0.2, patience=0.6)


@asynccontextmanager
async def lived(config: Config, **record: object) -> AsyncIterator[Node]:
    """Run a node whose daemon has lived before."""
    marker.write(record_path(config.state_dir), Lives(**record))  # type: ignore[arg-type]  # as the tests give them
    await know_speed(config, 1e8)
    mode = SafeMode(config.state_dir, QUICK)
    mode.begin()
    node = Node(config, engine_environment(), safe_mode=mode)
    node.start()
    try:
        yield node
    finally:
        mode.end()
        await asyncio.wait_for(node.stop(), 10)


async def crash(node: Node, times: int = 1) -> None:
    """Have the engine die as it serves."""
    for _ in range(times):
        await until(lambda: node.health().status == "ok" and node.engine_pid > 0)
        before = node.health().restarts
        os.kill(node.engine_pid, signal.SIGSEGV)
        await until(lambda before=before: node.health().restarts > before)  # type: ignore[misc]  # no lambda is known


def happened(node: Node, watch: Watch) -> list[tuple[str, str]]:
    """Return the events since the last look, with what they are about."""
    now = Reading(node.health(), node.requests, 1.0, None)
    return [(name, str(data.get("cause", ""))) for name, data in watch.look(now)]


def test_a_model_whose_engine_dies_three_times_gives_way_to_the_next_and_comes_back(
    home: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crashes, "_LOOK", 0.05)

    async def scenario() -> None:
        await install(config, small_model(home / "one.gguf"))
        async with running(replace(config, offline=True)) as node:
            watch = Watch()
            await until(lambda: node.health().status == "ok")
            happened(node, watch)
            first = node.health().model
            other = "one" if first == "old" else "old"
            await crash(node, 3)
            await serves(node, other)
            (held,) = node.health().restraints
            assert held.cause == "crashes"
            assert first in held.reason
            assert "SIGSEGV" in held.reason
            assert ("restrained", "crashes") in happened(node, watch)
            assert await answer(node, 4) == 4
            assert node.safety._crashes is not None
            node.safety._crashes._deaths.bounds = Bounds(patience=0.1, window=0.1)
            node.safety._crashes._deaths._patience[first] = 0.1
            await serves(node, first)
            assert node.health().restraints == []
            assert ("unrestrained", "crashes") in happened(node, watch)

    asyncio.run(scenario())


@pytest.mark.slow
def test_with_no_other_model_the_pages_say_why_and_somebody_can_try_again_at_once(config: Config) -> None:
    async def scenario() -> None:
        async with running(replace(config, offline=True)) as node:
            await crash(node, 3)
            await until(lambda: node.health().status == "failed")
            assert "died 3 times" in node.health().detail
            assert "safe-mode leave" in node.health().hint
            node.safety.leave()
            await serves(node, "old")

    asyncio.run(scenario())


def test_on_the_first_level_only_the_smallest_model_runs_and_calm_brings_the_best_back(
    home: Path, config: Config
) -> None:
    async def scenario() -> None:
        await install(config, small_model(home / "one.gguf"))
        async with lived(replace(config, offline=True), level=1) as node:
            held = node.restraints.all()["crashes"]
            assert held.only == (smallest(node._chooser),)
            await until(lambda: node.safety.mode.level == 0)
            await until(lambda: not node.restraints.all())
            await until(lambda: node.health().status == "ok")

    asyncio.run(scenario())


def test_what_has_answered_comes_before_what_is_smaller_and_what_was_set_aside_does_not_count(
    home: Path, config: Config
) -> None:
    async def scenario() -> None:
        await install(config, small_model(home / f"a-{'long-' * 10}name.gguf"))
        chooser = Node(config, {})._chooser
        old, longer = chooser.store.installed()[::-1]
        assert old.bytes < longer.bytes
        assert smallest(chooser) == old.name
        build = "llama_cpp 1"
        chooser.measurements.add(
            f"{identify(chooser.store.path(longer))} · {build} · cpu · 1 threads",
            prompt=1,
            prefill=1,
            answer=1,
            decode=1,
        )
        assert smallest(chooser) == longer.name
        assert smallest(chooser, {longer.name}) == old.name
        chooser.set_aside.add(identify(chooser.store.path(old)), survey.build("llama_cpp"), "it crashed", aside=True)
        assert smallest(chooser, {longer.name}) == ""

    asyncio.run(scenario())


def test_a_part_that_cannot_start_is_told_and_the_others_start(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: Telemetry) -> None:
        raise StoreError("outbox.db is damaged.")

    async def buggy(_: Telemetry) -> None:
        raise KeyError("a prompt")

    async def scenario() -> None:
        for opening, told in ((broken, "outbox.db is damaged."), (buggy, "KeyError; the log says where")):
            monkeypatch.setattr(Telemetry, "open", opening)
            node = Node(replace(config, engine="echo", offline=True), engine_environment())
            await node.open()
            node.start()
            try:
                await until(lambda node=node: node.health().status == "ok")  # type: ignore[misc]  # no lambda is known
                assert node.safety.parts.failures == {"telemetry": told}
            finally:
                await node.stop()

    asyncio.run(scenario())


def test_what_the_pages_can_do_without_is_off_on_the_second_level_and_on_again_afterwards(config: Config) -> None:
    async def scenario() -> None:
        reporting = replace(config, engine="echo", offline=True, mqtt_url="mqtt://127.0.0.1:9", discovery=False)
        mode = SafeMode(config.state_dir, QUICK, least=2)
        node = Node(reporting, engine_environment(), {"mqtt_url": "a file"}, mode)
        await node.open()
        node.start()
        try:
            assert node.telemetry.reporter is None
            assert (node.config.embeddings, node.settings.in_force("mqtt_url").place) == ("off", "safe mode")
            assert node.engine_pid == 0
            node.safety.leave()
            await until(lambda: node.telemetry.reporter is not None and node.health().status == "ok")
            assert (node.config.embeddings, node.settings.in_force("mqtt_url").place) == ("auto", "a file")
            mode.enter(2)
            await until(lambda: node.telemetry.reporter is None and node.health().status == "failed")
        finally:
            await node.stop()

    asyncio.run(scenario())


def test_as_a_service_a_configured_model_that_is_missing_is_told_and_waited_for(config: Config) -> None:
    async def scenario() -> None:
        node = Node(replace(config, offline=True, model="later"), engine_environment())
        node.supervised = True
        node.start()
        try:
            await until(lambda: node.health().status == "failed")
            assert "later" in node.health().detail
        finally:
            await node.stop()

    asyncio.run(scenario())
