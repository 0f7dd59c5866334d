"""Execution providers are believed only after they have computed a token, whatever their libraries do."""

import asyncio
import re
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from agent.config import engine_environment
from agent.engines.onnx import providers as native
from agent.engines.onnx import tiny
from agent.engines.onnx.names import library_name, provider_name
from agent.errors import EngineError
from agent.providers import Provider, find, kept
from agent.providers.asking import ask
from agent.providers.frames import Try
from agent.providers.words import describe


def compiled(folder: Path, name: str, body: str) -> Path:
    """Return a library that does something as soon as it is loaded."""
    path = folder / f"{name}.so"
    source = f"#include <stdlib.h>\n#include <unistd.h>\n__attribute__((constructor)) static void f(void) {{ {body} }}"
    command = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(path)]
    subprocess.run(command, input=source.encode(), check=True)
    return path


def found(state: Path, *libraries: Path) -> list[Provider]:
    return asyncio.run(find(state, libraries, engine_environment()))


def test_the_processor_computes_a_token(tmp_path: Path) -> None:
    (cpu,) = found(tmp_path)
    assert cpu.name == "cpu"
    assert cpu.usable
    assert cpu.devices[0].kind == "cpu"
    assert describe(cpu).startswith("cpu (CPU")


def test_a_library_that_is_missing_or_none_or_crashes_is_a_reason(tmp_path: Path) -> None:
    text = tmp_path / "text.so"
    text.write_text("no library")
    other = compiled(tmp_path, "other", "")
    crash = compiled(tmp_path, "crash", "abort();")
    cpu, *plugins = found(tmp_path, tmp_path / "missing.so", text, other, crash)
    assert cpu.usable
    assert [plugin.name for plugin in plugins] == ["missing.so", "text.so", "other.so", "crash.so"]
    reasons = ["No such file", "(?i)invalid elf|file too short", "CreateEpFactories", "was ended by SIGABRT"]
    for plugin, reason in zip(plugins, reasons, strict=True):
        assert not plugin.usable
        assert re.search(reason, describe(plugin))


def test_a_driver_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    hang = compiled(tmp_path, "hang", "sleep(600);")
    with pytest.raises(EngineError, match="it hangs: nothing in 2 s"):
        asyncio.run(ask(Try("gpu", str(hang)), engine_environment(), limit=2))


def test_a_provider_that_is_not_in_the_build_is_refused_rather_than_replaced_by_the_processor() -> None:
    assert "does not have it" in native.run_token("cuda", None)


def test_a_provider_that_leaves_nodes_to_the_processor_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "library_name", lambda _: "AzureExecutionProvider")  # takes no node at all
    assert "fallback" in native.run_token("cuda", None)


def test_wrong_numbers_are_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    right = native._run("cpu")
    monkeypatch.setattr(native, "_run", lambda name: right if name == "cpu" else right + 0.1 * right.max())
    assert "its numbers are wrong by" in native.run_token("npu", None)
    monkeypatch.setattr(native, "_run", lambda name: right if name == "cpu" else right * np.nan)
    assert "its numbers are wrong" in native.run_token("npu", None)
    monkeypatch.setattr(native, "_run", lambda name: right if name == "cpu" else right.astype(np.float16))
    assert not native.run_token("npu", None)


def test_the_token_depends_on_everything_that_goes_in() -> None:
    session = ort.InferenceSession(tiny.graph(), providers=["CPUExecutionProvider"])
    plain = session.run(None, tiny.feeds())[0]
    for name, value in tiny.feeds().items():
        (changed,) = session.run(None, {**tiny.feeds(), name: value + value.dtype.type(1)})
        assert not np.allclose(plain, changed, atol=1e-3)


def test_what_was_found_is_kept_until_something_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "plugin.so"
    library.write_text("first")
    assert kept(tmp_path, [library]) is None
    before = found(tmp_path, library)
    assert kept(tmp_path, [library]) == before
    assert kept(tmp_path, []) is None
    library.write_text("another")
    assert kept(tmp_path, [library]) is None
    assert kept(tmp_path, []) is None
    found(tmp_path)
    boot = tmp_path / "boot"
    boot.write_text("another start of the computer")
    monkeypatch.setattr("agent.providers._BOOT", boot)
    assert kept(tmp_path, []) is None


@pytest.mark.parametrize(
    "name", ["CUDAExecutionProvider", "NvTensorRTRTXExecutionProvider", "SomethingNewExecutionProvider"]
)
def test_names_lead_back_to_those_of_the_library(name: str) -> None:
    assert library_name(provider_name(name)).lower() == name.lower()
