"""A real daemon in the midst of a large fleet: it is asked as quickly as if it were alone."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.fleet.measuring import many_files, measure, quantile
from tests.telemetry.broker import broker
from tests.web.daemon import daemon

DEVICES, PINGS = 5000, 300
REAL = "the-real-one"


@pytest.mark.slow
def test_a_command_is_answered_at_once_among_five_thousand_devices(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        many_files(),
        broker(tmp_path) as mosquitto,
        daemon(tmp_path / "state", "--mqtt-url", mosquitto.url, "--mqtt-id", REAL),
    ):
        found = asyncio.run(measure(mosquitto.port, REAL, DEVICES, PINGS))
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *found.lines(), ""]))
    assert len(found.reports) > DEVICES
    assert quantile(found.pings, 0.99) <= 0.25
