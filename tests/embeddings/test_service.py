"""Embeddings of a device: started when they are wanted, ended when they are not."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agent.config import engine_environment
from agent.embeddings.service import Embeddings
from agent.errors import EngineDiedError, EngineUnavailableError, ModelNotFoundError, QueueFullError
from tests.embeddings.conftest import host
from tests.embeddings.tiny_encoder import install
from tests.inference.supervising import children, until

ENDLESS = ["the cat"] * 20_000


def run(
    state: Path, scenario: Callable[[Embeddings], Awaitable[None]], *, idle: float = 60, **settings: object
) -> None:
    """Run a scenario on a device that has the model."""
    install(state)

    async def whole() -> None:
        embeddings = Embeddings(host(state, **settings), engine_environment(), idle=idle)
        try:
            await scenario(embeddings)
        finally:
            await embeddings.stop()
        assert not children()

    asyncio.run(whole())


async def ask(embeddings: Embeddings, *texts: str, who: str = "") -> int:
    return (await embeddings.embed(list(texts), truncate=False, who=who)).tokens


def test_the_first_requests_start_one_process_together(tmp_path: Path) -> None:
    async def scenario(embeddings: Embeddings) -> None:
        assert not children()
        assert await asyncio.gather(*(ask(embeddings, "z") for _ in range(4))) == [3] * 4
        assert len(children()) == 1

    run(tmp_path, scenario)


def test_the_process_ends_when_nobody_asks_and_comes_back(tmp_path: Path) -> None:
    async def scenario(embeddings: Embeddings) -> None:
        await ask(embeddings, "z")
        await until(lambda: not children())
        assert embeddings.pid == 0
        assert await ask(embeddings, "z") == 3

    run(tmp_path, scenario, idle=0.1)


def test_the_process_ends_when_its_model_is_removed(tmp_path: Path) -> None:
    async def scenario(embeddings: Embeddings) -> None:
        await ask(embeddings, "z")
        assert [model.state for model in embeddings.models()] == ["running"]
        shutil.rmtree(tmp_path / "models")
        await until(lambda: not children())
        assert [model.state for model in embeddings.models()] == ["missing"]

    run(tmp_path, scenario)


def test_after_a_crash_the_next_request_is_answered(tmp_path: Path) -> None:
    async def scenario(embeddings: Embeddings) -> None:
        await ask(embeddings, "z")
        unlucky = asyncio.create_task(ask(embeddings, *ENDLESS))
        await asyncio.sleep(0)
        os.kill(embeddings.pid, 11)
        with pytest.raises(EngineDiedError, match="SIGSEGV"):
            await unlucky
        assert await ask(embeddings, "z") == 3

    run(tmp_path, scenario)


def test_a_process_without_a_sign_of_life_is_killed(tmp_path: Path) -> None:
    async def scenario(embeddings: Embeddings) -> None:
        await ask(embeddings, "z")
        os.kill(embeddings.pid, 19)  # SIGSTOP
        with pytest.raises(EngineDiedError, match="SIGKILL"):
            await ask(embeddings, "z")

    run(tmp_path, scenario, step_timeout=1.0)


def test_a_full_queue_says_when_to_come_back(tmp_path: Path) -> None:
    async def scenario(embeddings: Embeddings) -> None:
        tasks = [asyncio.create_task(ask(embeddings, *ENDLESS)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError) as refused:
            await ask(embeddings, "z")
        assert refused.value.retry_after > 0
        tasks[0].cancel()
        await asyncio.wait({tasks[0]})
        assert await ask(embeddings, "z") == 3
        for task in tasks:
            task.cancel()

    run(tmp_path, scenario, queue=2)


def test_nobody_holds_more_than_a_share_of_the_queue(tmp_path: Path) -> None:
    async def scenario(embeddings: Embeddings) -> None:
        tasks = [asyncio.create_task(ask(embeddings, *ENDLESS, who="ada")) for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError, match="your share"):
            await ask(embeddings, "z", who="ada")
        assert await ask(embeddings, "z", who="bob") == 3
        for task in tasks:
            task.cancel()

    run(tmp_path, scenario, queue=8)


def test_embeddings_that_are_off_say_how_to_switch_them_on(tmp_path: Path) -> None:
    async def scenario(embeddings: Embeddings) -> None:
        assert embeddings.installed() is None
        with pytest.raises(ModelNotFoundError) as refused:
            await ask(embeddings, "z")
        assert "embeddings = auto" in refused.value.hint

    run(tmp_path, scenario, embeddings="off")


@pytest.mark.parametrize("settings", [{"offline": True}, {"offline": False, "fetch_models": False}])
def test_a_model_that_may_not_be_fetched_is_missed_with_a_hint(tmp_path: Path, settings: dict[str, object]) -> None:
    embeddings = Embeddings(host(tmp_path, **settings), engine_environment())
    with pytest.raises(EngineUnavailableError) as refused:
        asyncio.run(ask(embeddings, "z"))
    assert refused.value.retry_after == 0
    assert "edgewise models pull embeddings" in refused.value.hint
