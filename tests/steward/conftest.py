"""A device that knows no hub but one on loopback."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import steward
from agent.config import Config
from tests.fake_hub import FakeHub, running_hub
from tests.selecting import small_model
from tests.stewarding import install, settings


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with running_hub() as hub:
        yield hub


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steward, "_LOOK_SECONDS", 0.05)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def config(home: Path, hub: FakeHub) -> Config:
    """The settings of a device on which a model called `old` is installed."""
    config = settings(home, hub)
    asyncio.run(install(config, small_model(home / "old.gguf")))
    return config
