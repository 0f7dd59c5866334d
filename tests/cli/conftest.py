"""A state directory in which the speed of this computer stands already: to measure it takes seconds."""

import asyncio
from pathlib import Path

import pytest

from agent.config import Config
from tests.selecting import know_speed

_BANDWIDTH = 1e10  # bytes per second


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory of a computer that was measured."""
    path = tmp_path / "state"
    asyncio.run(know_speed(Config(state_dir=path), _BANDWIDTH))
    return path


@pytest.fixture
def measured(state: Path) -> list[str]:
    """Flags that name it."""
    return ["--state-dir", str(state)]
