"""Model files that pass every check and still crash the library that reads them."""

import asyncio
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.damage import crashing_gguf, crashing_onnx
from tests.faults.device import Device, device
from tests.faults.table import Table
from tests.selecting import MODEST, know_speed, small_model
from tests.stewarding import install
from tests.web.daemon import eventually, offline

X86 = platform.machine() == "x86_64"


@dataclass(frozen=True)
class Case:
    """A sound model for an engine, and one that crashes it, made in a directory.

    Attributes:
        signal: by which the engine ends.
    """

    engine: str
    signal: str
    sound: Callable[[Path, Path], Path]
    bad: Callable[[Path, Path], Path]


def _zoo(folder: Path, onnx_zoo: Path) -> Path:
    return Path(shutil.copytree(onnx_zoo / "llama-int8", folder / "old"))


CASES = [
    Case("llama_cpp", "SIGABRT", lambda folder, _: small_model(folder / "old.gguf"), crashing_gguf),
    pytest.param(
        Case("onnx", "SIGFPE", _zoo, crashing_onnx),
        marks=pytest.mark.skipif(not X86, reason="only x86 traps the division"),
    ),
]


def failures(device_: Device) -> list[str]:
    """Return why models do not serve."""
    found: list[str] = device_.daemon.http.get("/api/edgewise/selection").json().get("failures", [])
    return found


@pytest.mark.chaos
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.engine)
def test_a_file_that_crashes_the_library_is_set_aside_and_the_old_model_is_back(
    case: Case, state: Path, tmp_path: Path, onnx_zoo: Path, table: Table
) -> None:
    state.mkdir()
    asyncio.run(install(offline(state), case.sound(tmp_path, onnx_zoo), "old"))
    asyncio.run(know_speed(offline(state), MODEST))
    flags = ("--engine", case.engine, "--context", "256", "--parallel", "4", "--least-speed", "0.01")
    with device(state, *flags) as device_:
        with device_.wounded("Tell me a story.", max_tokens=200) as clients:
            asyncio.run(install(offline(state), case.bad(tmp_path, onnx_zoo), "bad"))
            device_.daemon.http.post("/api/edgewise/models/use", json={"name": "bad"}).raise_for_status()
            replies = clients.told(60)
            began = time.monotonic()
        assert all(reply.whole for reply in replies), "nobody's answer is cut for another model"
        eventually(lambda: any("set aside" in failure for failure in failures(device_)), 60)
        device_.answers(30)
        seconds = time.monotonic() - began
        assert device_.daemon.health()["model"] == "old"
        (failure,) = failures(device_)
        assert failure.startswith("bad is set aside")
        assert case.signal in failure
        table.add(f"a model file that crashes {case.engine} ({case.signal}) is chosen", seconds)
        device_.kill()
        device_.start()
        assert device_.daemon.health()["model"] == "old", "it is not tried again after a restart"
        assert case.signal not in device_.log()
