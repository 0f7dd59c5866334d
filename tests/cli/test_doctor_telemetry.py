"""`edgewise doctor` on reports to a broker."""

import asyncio
from pathlib import Path

from agent.config import Config
from agent.device import DeviceSettings
from agent.store import Store
from tests.cli.running import edgewise
from tests.telemetry.broker import broker, free_port
from tests.web.daemon import Daemon, daemon, eventually


def asked(home: Path, state: Path, running: Daemon) -> str:
    return edgewise(home, "doctor", "--state-dir", str(state), "--port", running.url.rpartition(":")[2]).stdout


def reports(running: Daemon) -> str:
    return str(running.http.get("/api/edgewise/telemetry").json()["reports"]["state"])


def test_a_connection_is_told_by_the_daemon(tmp_path: Path, state: Path) -> None:
    with broker(tmp_path) as mosquitto, daemon(state, "--mqtt-url", mosquitto.url) as running:
        eventually(lambda: reports(running) == "connected", 5)
        said = asked(tmp_path, state, running)
    assert f"ok      broker 127.0.0.1:{mosquitto.port}: connected for" in said
    assert "ok      outbox: " in said
    assert "ok      clock: " in said


def test_a_broker_that_refuses_is_a_problem_with_the_reason(tmp_path: Path, state: Path) -> None:
    with (
        broker(tmp_path, users={"attic": "known"}) as mosquitto,
        daemon(state, "--mqtt-url", mosquitto.url.replace("//", "//attic:guessed@")) as running,
    ):
        eventually(lambda: reports(running) == "refused", 5)
        said = asked(tmp_path, state, running)
    assert f"PROBLEM broker 127.0.0.1:{mosquitto.port}: refused for" in said
    assert "The broker does not let this device in." in said
    assert "-> Check user name, password" in said
    assert "guessed" not in said


def test_without_a_daemon_the_broker_of_the_page_is_looked_for(tmp_path: Path, state: Path) -> None:
    nobody = free_port()
    store = Store(state / "app.db")
    store.open()
    settings = DeviceSettings(store, Config(state_dir=state), {})
    asyncio.run(settings.change(telemetry="on", mqtt_url=f"mqtt://127.0.0.1:{nobody}"))
    store.close()
    done = edgewise(tmp_path, "doctor", "--state-dir", str(state), "--port", "0")
    assert done.returncode == 1
    assert f"Nobody listens at 127.0.0.1:{nobody}." in done.stdout
    assert "Is the broker running" in done.stdout
