"""Somebody asks for the engine to be started anew."""

import asyncio
from pathlib import Path

import pytest

from agent.errors import EngineDiedError, EngineUnavailableError
from tests.inference.supervising import LIST, ask, candidate, first_text, reached, supervising, whole

LONG = "!delay 20 !count 100"


def test_the_same_model_serves_again_in_another_process(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as supervisor:
            await reached(supervisor, "ready")
            before = supervisor.pid
            await supervisor.restart(0)
            await reached(supervisor, "ready")
            assert supervisor.pid != before
            assert await whole(ask(supervisor, "hi")) == "hi"
            assert not (tmp_path / LIST).exists(), "nothing is wrong with the model"
            assert supervisor.status.restarts == 0, "nor has it died"

    asyncio.run(scenario())


def test_answers_in_progress_get_some_time_and_are_then_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as supervisor:
            await reached(supervisor, "ready")
            short = ask(supervisor, "!delay 10 !text " + "x" * 10)
            await first_text(short)
            await supervisor.restart(5)
            assert (await whole(short)).endswith("x" * 5)
            await reached(supervisor, "ready")
            long = ask(supervisor, LONG)
            await first_text(long)
            await supervisor.restart(0.05)
            with pytest.raises(EngineDiedError, match="somebody has asked for it"):
                await whole(long)
            await reached(supervisor, "ready")

    asyncio.run(scenario())


def test_what_does_not_serve_cannot_be_restarted(tmp_path: Path) -> None:
    async def scenario() -> None:
        path = tmp_path / "refused.gguf"
        path.write_text("!refuse")
        async with supervising(tmp_path, candidate(path)) as supervisor:
            with pytest.raises(EngineUnavailableError):
                await supervisor.restart(0)
            await reached(supervisor, "failed")
            with pytest.raises(EngineUnavailableError):
                await supervisor.restart(0)

    asyncio.run(scenario())
