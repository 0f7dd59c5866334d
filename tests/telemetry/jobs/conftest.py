"""A device that looks at its models often."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import steward
from agent.config import Config
from agent.telemetry.jobs import update
from tests.telemetry.jobs.device import prepared, settings


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steward, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(update, "_LOOK_SECONDS", 0.02)


@pytest.fixture
def greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The local time is UTC."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home directory as `prepared` makes it."""
    home = tmp_path_factory.mktemp("template")
    prepared(home)
    return home


@pytest.fixture
def config(template: Path, home: Path) -> Config:
    """The settings of a device on which the old model is installed; the new one is `new.gguf` at home."""
    shutil.copytree(template, home, dirs_exist_ok=True)
    return settings(home)
