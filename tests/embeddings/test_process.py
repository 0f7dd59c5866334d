"""The embedding process: what comes back, and what happens when it ends."""

import asyncio
import os
import shutil
from array import array
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agent.config import engine_environment
from agent.embeddings.process import EncoderProcess
from agent.errors import ContextOverflowError, EngineDiedError, EngineUnavailableError, RequestError
from tests.embeddings.tiny_encoder import HIDDEN, LIMIT
from tests.inference.supervising import children

ENDLESS = ["the cat"] * 20_000


def run(folder: Path, scenario: Callable[[EncoderProcess], Awaitable[None]]) -> None:
    async def whole() -> None:
        process = EncoderProcess()
        await process.load(folder, 1, engine_environment())
        try:
            await scenario(process)
        finally:
            await process.stop()
        assert not children()

    asyncio.run(whole())


def floats(vector: bytes) -> list[float]:
    return array("f", vector).tolist()


def test_each_text_gets_its_vector_back_in_order(tiny: Path) -> None:
    async def scenario(process: EncoderProcess) -> None:
        texts = ["the cat", "a dog", "the cat " * 6, "z"] * 50
        found = await process.embed(list(texts), truncate=False)
        assert {len(vector) for vector in found.data} == {4 * HIDDEN}
        assert found.tokens == 50 * (4 + 4 + 14 + 3)
        for place, text in enumerate(texts[:4]):
            alone = (await process.embed([text], truncate=False)).data[0]
            for vector in found.data[place::4]:
                assert floats(vector) == pytest.approx(floats(alone), abs=1e-6)

    run(tiny, scenario)


def test_a_text_that_is_too_long_is_refused_with_both_numbers(tiny: Path) -> None:
    async def scenario(process: EncoderProcess) -> None:
        with pytest.raises(ContextOverflowError, match=rf"input\[1\] has {LIMIT + 4} tokens; .* at most {LIMIT} "):
            await process.embed(["z", "a " * (LIMIT + 2)], truncate=False)
        assert (await process.embed(["a " * 99], truncate=True)).tokens == LIMIT
        with pytest.raises(RequestError, match="not in the vocabulary"):
            await process.embed([[5, 99_999]], truncate=False)
        assert not process.busy

    run(tiny, scenario)


def test_who_goes_away_frees_the_process_for_others(tiny: Path) -> None:
    async def scenario(process: EncoderProcess) -> None:
        gone = asyncio.create_task(process.embed(list(ENDLESS), truncate=False))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait({gone})
        assert not process.busy
        async with asyncio.timeout(5):
            await process.embed(["z"], truncate=False)

    run(tiny, scenario)


def test_a_small_request_overtakes_a_large_one(tiny: Path) -> None:
    async def scenario(process: EncoderProcess) -> None:
        large = asyncio.create_task(process.embed(list(ENDLESS), truncate=False))
        await asyncio.sleep(0)
        await process.embed(["z"], truncate=False)
        assert not large.done()
        large.cancel()

    run(tiny, scenario)


def test_everyone_is_told_when_the_process_dies(tiny: Path) -> None:
    async def scenario(process: EncoderProcess) -> None:
        waiting = [asyncio.create_task(process.embed(list(ENDLESS), truncate=False)) for _ in range(3)]
        await asyncio.sleep(0)
        os.kill(process.pid, 9)
        for task in waiting:
            with pytest.raises(EngineDiedError, match="SIGKILL"):
                await task
        assert not process.alive

    run(tiny, scenario)


def test_a_damaged_model_is_refused_with_the_reason(tiny: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "copy"))
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:-8])

    async def scenario() -> None:
        process = EncoderProcess()
        with pytest.raises(EngineUnavailableError, match=r"model\.safetensors"):
            await process.load(folder, 1, engine_environment())
        await process.stop()

    asyncio.run(scenario())
