"""Jobs of a whole daemon over a real broker: models that are not healthy, windows that are closed, a real model."""

import asyncio
import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_hub import HubFile
from tests.selecting import know_speed
from tests.telemetry.jobs.device import OLD, settings
from tests.telemetry.jobs.whole import Whole, kill, update, whole
from tests.telemetry.reporting import OWN

STARTER = "starter"
FRANCE = "Hello, what is the capital of France?"
QUICK = 1e10  # bytes per second


@pytest.fixture
def device(template: Path, tmp_path: Path) -> Iterator[Whole]:
    with whole(template, tmp_path) as found:
        yield found


@pytest.mark.slow  # `test_update` takes one back without a broker
def test_a_model_that_is_not_healthy_is_taken_back_and_the_hub_is_told_every_step_and_why(device: Whole) -> None:
    with device.running() as running:
        device.send(update(device.models, health={"min_tok_s": 1e9}))
        end = device.ended(running, "rolled_back")
        assert "tokens per second, of at least 1000000000.0" in end.msg
        page = running.http.get("/device", headers={"Accept-Language": "de"}).text
        assert "new hat die Prüfung nicht bestanden: es schafft" in page
        steps = list(dict.fromkeys(status.state for status in device.told()))
        order = ["accepted", "download", "verify", "stage", "swap", "health", "rollback", "rolled_back"]
        assert [step for step in order if step in steps] == steps, "some may be passed over, none comes out of order"
        assert {"health", "rolled_back"} <= set(steps)


@pytest.mark.slow
def test_a_job_waits_for_the_owners_window_across_kill_9_until_it_is_opened(device: Whole) -> None:
    closed = window_in(hours=2)
    configure(device, closed)
    with device.running() as running:
        know_the_time(device)
        device.send(update(device.models))
        assert device.reaches("waiting").msg == f"The model may change at {closed}."
        kill(running)
    with device.running() as running:
        know_the_time(device)
        assert [status.state for _, status in device.jobs(running)] == ["waiting"]
        assert device.retained().state == "waiting"
        time.sleep(0.5)  # a job that did not wait would have begun
        device.check(running, OLD, OLD)
        assert device.models.content_requests() == []
        configure(device, "")
        assert device.here.ask("reload_config").result == {"changed": ["mqtt_window"], "waiting": []}
        device.ended(running, "successful")


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_real_model_is_tried_again_after_a_kill_when_the_hub_sends_the_job_anew(device: Whole, starter: Path) -> None:
    asyncio.run(know_speed(settings(device.here.folder), QUICK))
    device.models.plain[f"{STARTER}.gguf"] = HubFile(starter.read_bytes())
    job = update(device.models, STARTER, health={"prompts": [{"ask": FRANCE, "expect": "Paris"}], "min_tok_s": 0.1})
    device.dies_in("swap", job)
    with device.running() as running:
        device.ended(running, "rolled_back")
        device.send(job | {"rev": 2})
        end = device.reaches("successful", "rolled_back", "failed", rev=2)
        assert end.state == "successful", end.msg
        assert end.result["tok_s"] > 0.1
        device.check(running, STARTER, STARTER, OLD)
        assert "Paris" in running.ask(FRANCE, max_tokens=32, temperature=0).text
    with device.running() as running:
        device.check(running, STARTER, STARTER, OLD)
        assert device.retained() == end


def window_in(hours: int) -> str:
    """Return a window of an hour that opens later today, or tomorrow."""
    begin = dt.datetime.now().astimezone() + dt.timedelta(hours=hours)
    return f"{begin:%H:%M}-{begin + dt.timedelta(hours=1):%H:%M}"


def configure(device: Whole, window: str) -> None:
    """Write the owner's configuration file."""
    file = device.state / ".config" / "edgewise" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'[mqtt]\nwindow = "{window}"\n' if window else "")


def know_the_time(device: Whole) -> None:
    """Have the device know what time it is, whoever sets the clock of this computer."""
    device.here.hub.wait(lambda: f"{OWN}/reported" in device.here.hub.topics())
    assert device.here.ask("ping", {"args": {"time": round(time.time() * 1000)}}).status == "ok"
