"""A broker for each test of Sparkplug."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.telemetry.broker import Broker, broker


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    with broker(tmp_path) as running:
        yield running
