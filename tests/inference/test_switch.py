"""One model takes over from another while people ask."""

import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from agent.errors import EngineUnavailableError
from agent.inference import supervisor as module
from agent.inference.candidate import Candidate, Expectation
from agent.inference.supervisor import Supervisor
from tests.inference.supervising import ask, candidate, children, first_text, reached, supervising, until, whole

SLOW = "!delay 10 !text " + "x" * 30


def model(folder: Path, name: str, directive: str = "") -> Candidate:
    path = folder / f"{name}.gguf"
    path.write_text(directive)
    return candidate(path)


async def serves(supervisor: Supervisor, name: str) -> None:
    await until(lambda: supervisor.status.state == "ready" and supervisor.status.model == name)


def test_the_answer_in_progress_is_complete_before_another_model_takes_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path, model(tmp_path, "old")) as supervisor:
            await reached(supervisor, "ready")
            answer = ask(supervisor, SLOW)
            await first_text(answer)
            switching = asyncio.create_task(supervisor.switch([model(tmp_path, "new")]))
            await asyncio.sleep(0.05)
            assert await whole(ask(supervisor, "let in")) == "let in"
            assert supervisor.status.model == "old"
            text = await whole(answer)
            assert text.endswith("x" * 20)
            await switching
            with pytest.raises(EngineUnavailableError, match=r"Looking for a model|Loading new") as caught:
                ask(supervisor, "too early")
            assert caught.value.retry_after > 0
            await serves(supervisor, "new")
            assert await whole(ask(supervisor, "hi")) == "hi"
            assert len(children()) == 1
            assert supervisor.status.restarts == 0

    asyncio.run(scenario())


def test_a_client_that_asks_again_at_once_does_not_keep_the_new_model_out(tmp_path: Path) -> None:
    async def ask_on(supervisor: Supervisor) -> int:
        count = 0
        while supervisor.status.state == "ready" and supervisor.status.model == "old":
            assert await whole(ask(supervisor, "again")) == "again"
            count += 1
            await asyncio.sleep(0)
        return count

    async def scenario() -> None:
        async with supervising(tmp_path, model(tmp_path, "old")) as supervisor:
            await reached(supervisor, "ready")
            asking = asyncio.create_task(ask_on(supervisor))
            await asyncio.sleep(0.1)
            await asyncio.wait_for(supervisor.switch([model(tmp_path, "new")]), 5)
            assert await asking > 1
            await serves(supervisor, "new")

    asyncio.run(scenario())


def test_people_who_ask_in_turns_do_not_keep_it_out_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.3)
    refused: list[EngineUnavailableError] = []

    async def ask_on(supervisor: Supervisor) -> None:
        """Be answered again and again, never cut off, until refused."""
        while True:
            try:
                answer = ask(supervisor, SLOW)
            except EngineUnavailableError as error:
                refused.append(error)
                return
            assert await whole(answer) == "x" * 30

    async def scenario() -> None:
        async with supervising(tmp_path, model(tmp_path, "old")) as supervisor:
            await reached(supervisor, "ready")
            first = asyncio.create_task(ask_on(supervisor))
            await asyncio.sleep(0.15)
            second = asyncio.create_task(ask_on(supervisor))
            await supervisor.switch([model(tmp_path, "new")])
            await asyncio.gather(first, second)
            assert "when the answers in progress are complete" in refused[0].message
            assert refused[0].retry_after > 0
            await serves(supervisor, "new")

    asyncio.run(scenario())


def test_the_old_model_is_back_when_the_new_one_fails(tmp_path: Path) -> None:
    async def scenario() -> None:
        old = model(tmp_path, "old")
        refuses, crashes = model(tmp_path, "refuses", "!refuse"), model(tmp_path, "crashes", "!crash")
        hasty = replace(model(tmp_path, "hasty"), expect=Expectation(1e12, 2e12, 1 << 40))
        async with supervising(tmp_path, old) as supervisor:
            await reached(supervisor, "ready")
            for bad in (refuses, crashes, hasty):
                await supervisor.switch([bad, old])
                await supervisor.settled()
                assert supervisor.runs(old)
                assert supervisor.runs_best([bad, old])
                assert list(supervisor.failures) == [bad.name]
                assert await whole(ask(supervisor, "hi")) == "hi"

    asyncio.run(scenario())


def test_a_model_that_has_loaded_too_late_is_not_believed(tmp_path: Path) -> None:
    """A request to it would wait for ever: its process has been told to end."""
    slow = tmp_path / "slow.gguf"
    os.mkfifo(slow)  # loading waits for somebody to write

    async def scenario() -> None:
        async with supervising(tmp_path, candidate(slow)) as supervisor:
            await until(lambda: bool(supervisor.pid))
            writer = asyncio.create_task(asyncio.to_thread(slow.write_text, ""))  # ends when the engine reads
            switching = asyncio.create_task(supervisor.switch([model(tmp_path, "new")]))
            seen: set[tuple[str, str]] = set()
            while not switching.done():
                seen.add((supervisor.status.state, supervisor.status.model))
                await asyncio.sleep(0)
            await writer
            assert {state for state, _ in seen} == {"loading"}
            await serves(supervisor, "new")
            assert await whole(ask(supervisor, "hi")) == "hi"

    asyncio.run(scenario())


@pytest.mark.parametrize("seconds", [0, 0.01, 0.05, 0.2])
def test_stop_during_a_switch_leaves_no_process(tmp_path: Path, seconds: float) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path, model(tmp_path, "old")) as supervisor:
            await reached(supervisor, "ready")
            switching = asyncio.create_task(supervisor.switch([model(tmp_path, "new")]))
            await asyncio.sleep(seconds)
            switching.cancel()
            await asyncio.wait({switching})
            started = time.monotonic()
            await supervisor.stop()
            assert time.monotonic() - started < 2.5
            assert supervisor.status.state == "stopped"
        await until(lambda: not children(), within=0.5)

    asyncio.run(scenario())


def test_a_death_during_the_wait_ends_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path, model(tmp_path, "old")) as supervisor:
            await reached(supervisor, "ready")
            answer = ask(supervisor, "!hang")
            switching = asyncio.create_task(supervisor.switch([model(tmp_path, "new")]))
            await asyncio.sleep(0.1)
            assert not switching.done()
            os.kill(supervisor.pid, 9)
            with pytest.raises(Exception, match="SIGKILL"):
                await whole(answer)
            await asyncio.wait_for(switching, 5)
            await serves(supervisor, "new")

    asyncio.run(scenario())
