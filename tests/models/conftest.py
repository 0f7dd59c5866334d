"""A hub that fails on demand, and a store that loses its patience soon."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.models import ModelStore, SourceSettings
from tests.fake_hub import FakeHub, HubFile, running_hub
from tests.models.pulling import CPU, FILE, MODEL, ONNX_REPO, QUICK, REPO, files_of
from tests.onnx_files import write_genai, write_transformers_js


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's proxy does not know the hub."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    """A hub with one model, in a repository and at a plain address."""
    with running_hub() as hub:
        hub.repos[REPO] = {"README.md": HubFile(b"A tiny model."), FILE: HubFile(MODEL)}
        hub.plain[FILE] = HubFile(MODEL)
        yield hub


@pytest.fixture
def sources(hub: FakeHub) -> SourceSettings:
    return SourceSettings(hf_endpoint=hub.url, pypi_index=f"{hub.url}/simple")


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models", QUICK)


@pytest.fixture
def genai(tmp_path: Path) -> Path:
    return write_genai(tmp_path / "usb" / "tiny")


@pytest.fixture
def onnx_repo(hub: FakeHub, genai: Path) -> dict[str, HubFile]:
    """A repository as Microsoft lays it out: a folder for each kind of processor, and programs among the files."""
    extra = {"README.md": b"Hi", "convert.py": b"print()", f"{CPU}/adapter.bin": b"pickle", f"{CPU}/helper.py": b""}
    folders = {f"{folder}/{name}": data for folder in (CPU, "gpu/gpu-int4") for name, data in files_of(genai).items()}
    hub.repos[ONNX_REPO] = {name: HubFile(data) for name, data in (extra | folders).items()}
    return hub.repos[ONNX_REPO]


@pytest.fixture
def web_repo(hub: FakeHub, tmp_path: Path) -> dict[str, HubFile]:
    """A repository as transformers.js wants it: graphs of several quantizations."""
    found = files_of(write_transformers_js(tmp_path / "web", "_q4", "_q4f16", "_int8", ""))
    hub.repos[ONNX_REPO] = {name: HubFile(data) for name, data in found.items()}
    return hub.repos[ONNX_REPO]
