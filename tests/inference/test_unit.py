"""Processes that the engine's unit starts: told, killed and mourned like our own.

What systemd does for `edgewise-engine.socket` is done by `tests.systemd.listening`.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.config import Config, engine_environment
from agent.errors import EngineError
from agent.inference import frames
from agent.inference.lending import lend
from agent.inference.process import EngineProcess
from agent.inference.starting import ENGINE_SOCKET
from agent.plan import Plan
from tests.inference.supervising import until
from tests.systemd.listening import engine_socket

LOAD = frames.Load("", Plan(128, 1, 1, 64), extra_buffers=True)


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    with engine_socket(tmp_path / "engine.sock"):
        yield engine_environment(Config(state_dir=tmp_path, engine_socket=tmp_path / "engine.sock"))


async def start(environment: dict[str, str], received: list[frames.FromEngine] | None = None) -> EngineProcess:
    return await EngineProcess.start("echo", environment, (received if received is not None else []).append)


def test_frames_go_there_and_come_back(environment: dict[str, str]) -> None:
    async def scenario() -> None:
        received: list[frames.FromEngine] = []
        process = await start(environment, received)
        assert process.pid not in {0, os.getpid()}
        process.send(LOAD)
        await until(lambda: len(received) == 2)
        assert isinstance(received[1], frames.Loaded)
        assert process.peak_memory() > 1 << 20
        await process.stop(grace=5)
        assert await process.ended() == "ended"

    asyncio.run(scenario())


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_the_signal_that_ended_it_is_told(environment: dict[str, str], number: signal.Signals) -> None:
    async def scenario() -> str:
        process = await start(environment)
        os.kill(process.pid, number)
        return await process.ended()

    assert asyncio.run(scenario()) == f"was ended by {number.name}"


def test_one_that_hangs_is_killed_over_the_socket(environment: dict[str, str]) -> None:
    async def scenario() -> str:
        process = await start(environment)
        os.kill(process.pid, signal.SIGSTOP)
        process.kill()
        return await process.ended()

    assert asyncio.run(scenario()) == "was ended by SIGKILL"


def test_several_run_at_once(environment: dict[str, str]) -> None:
    async def scenario() -> None:
        first, second = await start(environment), await start(environment)
        assert first.pid != second.pid
        first.kill()
        await first.ended()
        received: list[frames.FromEngine] = []
        third = await start(environment, received)
        third.send(LOAD)
        await until(lambda: len(received) == 2)
        for process in (second, third):
            await process.stop(grace=5)

    asyncio.run(scenario())


def test_a_launcher_that_dies_takes_its_process_along(tmp_path: Path) -> None:
    async def scenario() -> str:
        with engine_socket(tmp_path / "engine.sock") as launchers:
            process = await start({ENGINE_SOCKET: str(tmp_path / "engine.sock")})
            launchers[0].kill()
            return await process.ended()

    assert asyncio.run(scenario()) == "was ended by SIGKILL"


def test_a_daemon_that_is_gone_leaves_no_process(tmp_path: Path) -> None:
    async def scenario() -> int:
        process = await start({ENGINE_SOCKET: str(tmp_path / "engine.sock")})
        os.kill(process.pid, signal.SIGSTOP)  # it cannot notice by itself
        assert not isinstance(process._process, asyncio.subprocess.Process)
        process._process._end.cancel()
        process._transport.abort()
        return process.pid

    with engine_socket(tmp_path / "engine.sock") as launchers:
        pid = asyncio.run(scenario())
        assert launchers[0].wait(10) == 0
        assert not Path(f"/proc/{pid}").exists()


def test_a_unit_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"unit of the engine does not answer at .*nobody") as caught:
        asyncio.run(start({ENGINE_SOCKET: str(tmp_path / "nobody")}))
    assert "systemctl status" in caught.value.hint


def test_others_may_read_the_models_once_they_are_lent(tmp_path: Path) -> None:
    model = tmp_path / "models" / "tiny" / "model.gguf"
    model.parent.mkdir(0o700, parents=True)
    model.touch(0o600)
    lend(tmp_path / "models")
    assert model.stat().st_mode & 0o777 == 0o644
    assert model.parent.stat().st_mode & 0o055 == 0o055
