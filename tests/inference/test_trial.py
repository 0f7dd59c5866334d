"""The first run of a model: what it measures, and what happens when it misses what was predicted."""

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from agent import engines
from agent.engines import LoadOptions, Sampling
from agent.errors import EngineUnavailableError
from agent.inference.candidate import Candidate, Expectation
from agent.inference.frames import Generate, Timings
from agent.inference.set_aside import SetAside
from agent.inference.trial import trial
from agent.plan import Plan
from tests.inference.supervising import LIST, ask, candidate, reached, supervising, until, whole
from tests.selecting import small_model

MODEST = Expectation(decode=0.1, predicted=0.2, memory=1 << 40)
ABSURD = Expectation(decode=1e12, predicted=2e12, memory=1 << 40)
CRAMPED = Expectation(decode=0.1, predicted=0.2, memory=1)


def on_trial(folder: Path, name: str, expect: Expectation | None) -> Candidate:
    path = folder / f"{name}.gguf"
    path.touch()
    return replace(candidate(path), expect=expect)


def test_reads_a_prompt_and_answers_it(tmp_path: Path) -> None:
    engine = engines.create("llama_cpp")
    options = LoadOptions(small_model(tmp_path / "small.gguf"), Plan(256, 2, 1, 64), extra_buffers=True)
    info = engine.load(options, lambda _: None)
    took = trial(engine, info)
    assert (took.prompt, took.cached, took.completion) == (128, 0, 17)
    assert took.prefill > 0
    assert took.decode_rate > 1
    assert engine.free == 2
    engine.close()


@pytest.mark.parametrize("context", [1, 2, 16, 17, 18, 100])
def test_stays_within_a_small_context(context: int) -> None:
    engine = engines.create("echo")
    info = engine.load(LoadOptions(None, Plan(context, 1, 1, 64), extra_buffers=True), lambda _: None)
    took = trial(engine, info)
    assert took.prompt >= 1
    assert took.completion >= 2
    assert took.prompt + took.completion <= max(3, context)


@pytest.mark.parametrize(("expect", "words"), [(ABSURD, "tokens per second"), (CRAMPED, "of memory")])
def test_what_misses_its_prediction_gives_way_and_is_remembered_with_the_reason(
    tmp_path: Path, expect: Expectation, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        hasty, old = on_trial(tmp_path, "hasty", expect), on_trial(tmp_path, "old", None)
        async with supervising(tmp_path, hasty, old) as supervisor:
            await reached(supervisor, "ready")
            assert supervisor.runs(old)
            assert supervisor.runs_best([hasty, old])
            assert supervisor.status.detail.startswith("old is ready. hasty is set aside: it ")
            assert words in supervisor.failures["hasty"]
            assert await whole(ask(supervisor, "hi")) == "hi"
            assert supervisor.status.restarts == 0

    asyncio.run(scenario())
    (verdict,) = json.loads((tmp_path / LIST).read_text())
    assert (verdict["aside"], verdict["works"]) == (True, True)
    assert words in verdict["reason"]
    assert caplog.text.count("set aside") == 1


def test_what_has_missed_is_not_tried_again_unless_the_user_insists(tmp_path: Path) -> None:
    async def scenario() -> None:
        hasty, old = on_trial(tmp_path, "hasty", ABSURD), on_trial(tmp_path, "old", None)
        for _ in range(2):
            async with supervising(tmp_path, hasty, old) as supervisor:
                await reached(supervisor, "ready")
                assert supervisor.status.model == "old"
        assert "set aside since 2" in supervisor.failures["hasty"]
        async with supervising(tmp_path, replace(hasty, expect=None), old) as supervisor:
            await reached(supervisor, "ready")
            assert supervisor.status.model == "hasty"
            assert supervisor.failures == {}

    asyncio.run(scenario())


def test_a_trial_that_went_well_is_learnt_from_and_forgotten(tmp_path: Path) -> None:
    learnt: list[tuple[str, Timings]] = []

    async def scenario() -> None:
        async with supervising(tmp_path, on_trial(tmp_path, "new", MODEST)) as supervisor:
            supervisor.on_speed = lambda candidate, timings: learnt.append((candidate.name, timings))
            await reached(supervisor, "ready")

    asyncio.run(scenario())
    ((name, timings),) = learnt
    assert name == "new"
    assert timings.completion == 17
    assert SetAside(tmp_path / LIST).all() == []


def test_a_model_that_has_served_is_not_on_trial_after_a_restart(tmp_path: Path) -> None:
    trials = 0

    async def scenario() -> None:
        async with supervising(tmp_path, on_trial(tmp_path, "new", MODEST)) as supervisor:

            def count(_candidate: Candidate, _timings: Timings) -> None:
                nonlocal trials
                trials += 1

            supervisor.on_speed = count
            await reached(supervisor, "ready")
            os.kill(supervisor.pid, 9)
            await until(lambda: supervisor.status.restarts == 1)
            await reached(supervisor, "ready")

    asyncio.run(scenario())
    assert trials == 1


def test_clients_are_told_to_come_back_while_the_old_model_returns(tmp_path: Path) -> None:
    """Between the miss and the return there is a moment in which no model is loaded: waiting helps."""
    seen: set[tuple[str, int]] = set()

    async def scenario() -> None:
        hasty, old = on_trial(tmp_path, "hasty", ABSURD), on_trial(tmp_path, "old", None)
        async with supervising(tmp_path, hasty, old) as supervisor:
            while supervisor.status.state != "ready":
                with pytest.raises(EngineUnavailableError) as refused:
                    supervisor.generate(Generate(0, Sampling(), prompt="x"))
                seen.add((supervisor.status.state, refused.value.retry_after))
                await asyncio.sleep(0)

    asyncio.run(scenario())
    assert {state for state, _ in seen} == {"loading", "refused"}
    assert all(retry_after > 0 for _, retry_after in seen)
