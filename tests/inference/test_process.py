"""One run of the engine process, and what it may do wrong."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from agent.config import engine_environment
from agent.inference import frames
from agent.inference.process import EngineProcess
from agent.plan import Plan
from tests.inference.supervising import children, until

LOAD = frames.Load("", Plan(128, 1, 1, 64), extra_buffers=True)


def script(folder: Path, *lines: str) -> str:
    """Return a program that is started like the engine; `wire` is its end of the socket."""
    path = folder / "engine"
    head = [f"#!{sys.executable}", "import os, sys, time", "wire = int(sys.argv[4])"]
    path.write_text("\n".join([*head, *lines]))
    path.chmod(0o755)
    return str(path)


async def start(received: list[frames.FromEngine]) -> EngineProcess:
    return await EngineProcess.start("echo", engine_environment(), received.append)


def test_frames_go_there_and_come_back() -> None:
    async def scenario() -> None:
        received: list[frames.FromEngine] = []
        process = await start(received)
        process.send(LOAD)
        await until(lambda: len(received) == 2)
        assert [type(frame) for frame in received] == [frames.Loading, frames.Loaded]
        await process.stop(grace=5)
        assert not children()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("line", "how"),
    [
        ("sys.exit(0)", "ended"),
        ("sys.exit(3)", "ended with status 3"),
        ("os.kill(os.getpid(), 4)", "was ended by SIGILL"),
    ],
)
def test_the_way_it_ended_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, how: str) -> None:
    monkeypatch.setattr(sys, "executable", script(tmp_path, line))

    async def scenario() -> str:
        return await (await start([])).ended()

    assert asyncio.run(scenario()) == how


@pytest.mark.parametrize("junk", [b"\xff\xff\xff\xff", b"\1\0\0\0\xc1", b"\4\0\0\0junk"], ids=repr)
def test_a_process_that_sends_junk_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, junk: bytes) -> None:
    monkeypatch.setattr(sys, "executable", script(tmp_path, f"os.write(wire, {junk!r})", "time.sleep(60)"))

    async def scenario() -> str:
        return await asyncio.wait_for((await start([])).ended(), 2)

    assert asyncio.run(scenario()) == "was ended by SIGKILL"


def test_a_process_that_ignores_the_request_to_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", script(tmp_path, "time.sleep(60)"))

    async def scenario() -> None:
        process = await start([])
        await asyncio.wait_for(process.stop(grace=0.1), 2)
        assert not children()

    asyncio.run(scenario())


def test_sending_to_a_process_that_is_gone_does_nothing() -> None:
    async def scenario() -> None:
        process = await start([])
        os.kill(process.pid, 9)
        assert await process.ended() == "was ended by SIGKILL"
        process.send(LOAD)
        process.kill()

    asyncio.run(scenario())


def test_a_program_that_cannot_be_started_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    before = len(list(Path("/proc/self/fd").iterdir()))

    async def scenario() -> None:
        with pytest.raises(FileNotFoundError):
            await start([])

    asyncio.run(scenario())
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_pages_of_a_mapped_file_are_not_what_its_end_would_set_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 64 << 20
    file = tmp_path / "weights"
    with file.open("wb") as weights:
        weights.truncate(size)
    lines = [
        "import mmap",
        f"mapped = mmap.mmap(os.open({str(file)!r}, os.O_RDONLY), 0, access=mmap.ACCESS_READ)",
        "seen = sum(mapped[::4096])",
        f"own = bytearray(b'x' * {size // 2})",
        "time.sleep(60)",
    ]
    monkeypatch.setattr(sys, "executable", script(tmp_path, *lines))

    async def scenario() -> None:
        process = await start([])
        await until(lambda: process.memory() > size // 2 and process.peak_memory() > 1.5 * size)
        assert process.memory() < size
        await process.stop(grace=0)
        assert process.memory() == process.peak_memory() == 0

    asyncio.run(scenario())
