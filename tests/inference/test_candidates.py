"""Which model the supervisor runs: candidates that crash, refuse or vanish, and what is remembered of them."""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from agent.inference.set_aside import SetAside, identify
from agent.inference.supervisor import Supervisor
from tests.engines import damage
from tests.inference.supervising import LIST, ask, candidate, children, reached, supervising, until, whole

FAILURE = "broken is set aside: the engine was ended by SIGSEGV while loading it."


def model(folder: Path, name: str, directive: str = "") -> Path:
    path = folder / name
    path.write_text(directive)
    return path


def run(folder: Path, *paths: Path, state: str = "ready", build: str = "1") -> Supervisor:
    """Run these models until a state is reached; if that is `ready`, the model must answer."""

    async def scenario() -> Supervisor:
        candidates = [candidate(path, build=build) for path in paths]
        async with supervising(folder, *candidates) as supervisor:
            await reached(supervisor, state)
            if state == "ready":
                assert await whole(ask(supervisor, "hi")) == "hi"
            supervisor.reached = supervisor.status.detail  # type: ignore[attr-defined]
        return supervisor

    return asyncio.run(scenario())


def detail(supervisor: Supervisor) -> str:
    """Return what the status said when the state was reached."""
    return str(supervisor.reached)  # type: ignore[attr-defined]


def test_a_model_that_crashes_the_engine_is_tried_twice_and_set_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = model(tmp_path, "broken.gguf", "!crash")
    assert detail(run(tmp_path, broken, state="failed")) == FAILURE
    assert caplog.text.count("tried again without repacked weights") == 1
    (verdict,) = json.loads((tmp_path / LIST).read_text())
    assert verdict["model"].startswith("broken.gguf ")
    assert verdict["aside"] is True
    assert "SIGSEGV" in verdict["reason"]


def test_what_is_set_aside_is_not_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = model(tmp_path, "broken.gguf", "!crash")
    run(tmp_path, broken, state="failed")
    caplog.clear()
    supervisor = run(tmp_path, broken, state="failed")
    assert detail(supervisor).startswith("broken is set aside since 2")
    assert "SIGSEGV while loading it" in detail(supervisor)
    assert caplog.text == ""


def test_the_next_best_model_serves_instead(tmp_path: Path) -> None:
    broken, good = model(tmp_path, "broken.gguf", "!crash"), model(tmp_path, "good.gguf")
    assert run(tmp_path, broken, good).status.model == "good"
    assert run(tmp_path, broken, good).status.model == "good"


def test_another_file_of_that_name_is_tried(tmp_path: Path) -> None:
    broken = model(tmp_path, "broken.gguf", "!crash")
    run(tmp_path, broken, state="failed")
    model(tmp_path, "broken.gguf", "repaired")
    assert run(tmp_path, broken).status.model == "broken"


def test_another_build_of_the_engine_is_tried(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = model(tmp_path, "broken.gguf", "!crash")
    run(tmp_path, broken, state="failed")
    caplog.clear()
    assert detail(run(tmp_path, broken, state="failed", build="2")) == FAILURE
    assert "tried again" in caplog.text


def test_a_model_that_needs_plain_buffers_gets_them_at_once_the_next_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = model(tmp_path, "plain.gguf", "!crash-repacked")
    run(tmp_path, path)
    (verdict,) = json.loads((tmp_path / LIST).read_text())
    assert verdict["aside"] is False
    caplog.clear()
    assert run(tmp_path, path).status.model == "plain"
    assert not [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]


def test_a_refused_model_makes_room_for_the_next_and_is_not_remembered(tmp_path: Path) -> None:
    refused, good = model(tmp_path, "refused.gguf", "!refuse"), model(tmp_path, "good.gguf")
    assert run(tmp_path, refused, good).status.model == "good"
    assert not (tmp_path / LIST).exists()


def test_when_no_model_is_left_every_reason_is_told(tmp_path: Path) -> None:
    refused, broken = model(tmp_path, "refused.gguf", "!refuse"), model(tmp_path, "broken.gguf", "!crash")
    said = detail(run(tmp_path, refused, broken, state="failed"))
    assert said == f"refused cannot be loaded: The echo engine was asked to refuse. {FAILURE}"


def test_a_model_file_that_vanished_makes_room_for_the_next(tmp_path: Path) -> None:
    assert run(tmp_path, tmp_path / "absent.gguf", model(tmp_path, "good.gguf")).status.model == "good"
    assert "absent" in detail(run(tmp_path, tmp_path / "absent.gguf", state="failed"))


@pytest.mark.parametrize("content", ["", "{", "null", '[{"model": 1}]', "\udcff"], ids=ascii)
def test_a_damaged_list_starts_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / LIST).write_bytes(content.encode("utf-8", "surrogateescape"))
    broken = model(tmp_path, "broken.gguf", "!crash")
    assert detail(run(tmp_path, broken, state="failed")) == FAILURE
    assert len(json.loads((tmp_path / LIST).read_text())) == 1


def test_a_list_that_cannot_be_written_does_not_stop_the_service(tmp_path: Path) -> None:
    (tmp_path / LIST).mkdir()
    broken, good = model(tmp_path, "broken.gguf", "!crash"), model(tmp_path, "good.gguf")
    assert run(tmp_path, broken, good).status.model == "good"
    assert run(tmp_path, model(tmp_path, "plain.gguf", "!crash-repacked"), good).status.model == "plain"


def test_a_process_that_is_told_to_end_while_it_loads_says_nothing_about_the_model(tmp_path: Path) -> None:
    path = tmp_path / "slow.gguf"
    os.mkfifo(path)  # loading waits for somebody to write

    async def scenario() -> None:
        async with supervising(tmp_path, candidate(path)) as supervisor:
            await until(lambda: bool(supervisor.pid) and _ignores_interrupts(supervisor.pid))
            os.kill(supervisor.pid, signal.SIGTERM)  # as systemd does to every process of a service
            await asyncio.sleep(0.2)
        assert not children()

    asyncio.run(scenario())
    assert SetAside(tmp_path / LIST).verdict(identify(path), "1") is None


def test_a_process_that_was_killed_while_it_loads_says_nothing_about_the_model(tmp_path: Path) -> None:
    killed, works = model(tmp_path, "killed.gguf", "!kill"), model(tmp_path, "works.gguf")
    assert "works" in detail(run(tmp_path, killed, works))
    assert not (tmp_path / LIST).exists()


def test_a_model_that_hangs_while_it_loads_makes_room_for_the_next(tmp_path: Path) -> None:
    async def scenario() -> None:
        hangs, works = model(tmp_path, "hangs.gguf", "!hang"), model(tmp_path, "works.gguf")
        async with supervising(tmp_path, candidate(hangs), candidate(works), step_timeout=0.1) as supervisor:
            await reached(supervisor, "ready")
            assert supervisor.status.model == "works"

    asyncio.run(scenario())


def test_an_engine_that_cannot_be_imported_is_not_the_models_fault(tmp_path: Path) -> None:
    path = model(tmp_path, "good.gguf")

    async def scenario() -> str:
        async with supervising(tmp_path, candidate(path, engine="nonsense")) as supervisor:
            await reached(supervisor, "failed")
            return supervisor.status.detail

    assert "There is no engine 'nonsense'" in asyncio.run(scenario())
    assert SetAside(tmp_path / LIST).all() == []


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[Path]:
    """A place for a copy of a model; pytest would keep the large file."""
    path = tmp_path / "damaged.gguf"
    yield path
    path.unlink(missing_ok=True)


@pytest.mark.parametrize(
    "harm",
    [damage.not_numbers, damage.noise, damage.unknown_architecture, damage.cut, damage.no_model],
    ids=lambda harm: harm.__name__,
)
def test_no_damaged_model_file_takes_the_supervisor_down(
    tmp_path: Path, starter: Path, damaged: Path, harm: Callable[[Path, Path], None]
) -> None:
    harm(starter, damaged)

    async def scenario() -> str:
        async with supervising(tmp_path, candidate(damaged, engine="llama_cpp"), candidate()) as supervisor:
            await until(lambda: supervisor.status.state == "ready" and supervisor.status.model == "echo", within=20)
            return await whole(ask(supervisor, "hi"))

    assert asyncio.run(scenario()) == "hi"


def _ignores_interrupts(pid: int) -> bool:
    """Tell whether the engine process has got as far as that; it loads right after."""
    status = Path(f"/proc/{pid}/status").read_text()
    ignored = int(next(line for line in status.splitlines() if line.startswith("SigIgn:")).split()[1], 16)
    return bool(ignored & (1 << (signal.SIGINT - 1)))


def test_a_provider_that_cannot_be_opened_gives_way_to_the_processor_and_says_why(tmp_path: Path, twin: Path) -> None:
    on_cpu = candidate(twin, engine="onnx")
    on_gpu = replace(on_cpu, engine="genai", plan=msgspec.structs.replace(on_cpu.plan, provider="cuda"))

    async def scenario() -> None:
        async with supervising(tmp_path, on_gpu, on_cpu) as supervisor:
            await reached(supervisor, "ready")
            assert supervisor.runs(on_cpu)
            assert supervisor.plan
            assert supervisor.plan.provider == "cpu"
            assert "cannot be opened on cuda" in supervisor.failures["twin"]
            assert "cannot be opened on cuda" in supervisor.status.detail

    asyncio.run(scenario())


def test_libraries_reach_the_engine_process(tmp_path: Path, twin: Path) -> None:
    missing = replace(candidate(twin, engine="genai"), libraries=(tmp_path / "missing.so",))

    async def scenario() -> None:
        async with supervising(tmp_path, missing) as supervisor:
            await reached(supervisor, "failed")
            assert "missing.so" in supervisor.status.detail

    asyncio.run(scenario())
