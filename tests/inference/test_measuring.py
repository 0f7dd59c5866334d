"""Measuring kernels in a process of its own: whatever happens to it, there is an answer or an error."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from agent.config import engine_environment
from agent.errors import EngineError
from agent.inference import measuring
from agent.inference.measuring import measure
from agent.speed import Rates
from tests.inference.supervising import children, until
from tests.inference.test_process import script

MEMORY = 1 << 28


def run(engine: str) -> Rates:
    async def scenario() -> Rates:
        try:
            return await measure(engine, engine_environment(), threads=1, memory=MEMORY)
        finally:
            assert not children()

    return asyncio.run(scenario())


def test_brings_rates_of_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "_SECONDS", 0.1)
    rates = run("llama_cpp")
    assert rates.measured
    assert "Q4_K" in rates.decode
    assert rates.decode.keys() == rates.prefill.keys()


def test_an_engine_without_kernels_refuses() -> None:
    with pytest.raises(EngineError, match="echo engine has no speed"):
        run("echo")


def test_an_engine_that_is_not_there_is_named() -> None:
    with pytest.raises(EngineError, match="no engine 'nonsense'"):
        run("nonsense")


def test_a_crash_is_an_error() -> None:
    async def scenario() -> None:
        task = asyncio.create_task(measure("llama_cpp", engine_environment(), threads=1, memory=MEMORY))
        await until(lambda: bool(children()))
        os.kill(children().pop(), signal.SIGSEGV)
        with pytest.raises(EngineError, match="cannot be measured: the process was ended by SIGSEGV"):
            await task

    asyncio.run(scenario())


@pytest.mark.parametrize("line", ["sys.exit(0)", r"os.write(wire, b'\4\0\0\0junk'); time.sleep(60)", "time.sleep(60)"])
def test_a_process_that_says_nothing_sensible_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setattr(sys, "executable", script(tmp_path, line))
    monkeypatch.setattr(measuring, "_LIMIT", 0.5)
    monkeypatch.setattr(measuring, "_GRACE", 0.1)
    with pytest.raises(EngineError, match="cannot be measured"):
        run("llama_cpp")


def test_giving_up_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "_GRACE", 0.1)

    async def scenario() -> None:
        task = asyncio.create_task(measure("llama_cpp", engine_environment(), threads=1, memory=MEMORY))
        await until(lambda: bool(children()))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not children()

    asyncio.run(scenario())
