"""`edgewise run` under systemd, from the first message to the last."""

import signal
import subprocess
from pathlib import Path

import httpx

from tests.systemd.listening import engine_socket, manager
from tests.web.daemon import ROOT, command, environment


def test_a_service_is_ready_when_it_answers_follows_its_settings_and_says_when_it_ends(tmp_path: Path) -> None:
    settings = tmp_path / "config.toml"
    settings.write_text('log_level = "info"\n')
    address, socket = tmp_path / "notify", tmp_path / "engine.sock"
    with manager(str(address)) as systemd, engine_socket(socket) as launchers:
        variables = {
            "NOTIFY_SOCKET": str(address),
            "WATCHDOG_USEC": "1000000",
            "EDGEWISE_ENGINE_SOCKET": str(socket),
            "EDGEWISE_CONFIG": str(settings),
        }
        process = subprocess.Popen(
            command(tmp_path / "state"),
            cwd=ROOT,
            env={**environment(tmp_path), **variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = systemd.until("READY")[-1]["STATUS"].rpartition(" ")[2]
            assert httpx.get(f"{url}/healthz", trust_env=False).json()["version"]
            while "Serving echo" not in systemd.until("STATUS")[-1]["STATUS"]:
                pass
            assert launchers, "the unit has started the engine, not the daemon"
            assert not Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
            settings.write_text('log_level = "warning"\n')
            process.send_signal(signal.SIGHUP)
            assert int(systemd.until("RELOADING")[-1]["MONOTONIC_USEC"]) > 0
            systemd.until("READY")
            systemd.until("WATCHDOG")
            settings.write_text("nonsense = 1\n")
            process.send_signal(signal.SIGHUP)
            systemd.until("RELOADING")
            systemd.until("READY")
            process.send_signal(signal.SIGTERM)
            systemd.until("STOPPING")
            assert process.wait(20) == 0
            assert all(launcher.wait(10) == 0 for launcher in launchers)
        finally:
            process.kill()
            process.wait()
