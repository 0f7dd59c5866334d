"""The real daemon, killed again and again, and the way out."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from agent.models.record import boot_id
from agent.safe_mode import marker
from agent.safe_mode.lives import Crash, Lives
from agent.safe_mode.safe_mode import record_path
from tests.cli.running import edgewise
from tests.systemd.listening import manager
from tests.web.daemon import ROOT, Daemon, command, daemon, environment, eventually

ENOUGH = 6  # crashes in a row, for all that there is of safe mode


def about_to_fall(state: Path, **fields: object) -> None:
    """Have a state directory of which the last life but one was the last that it had left."""
    state.mkdir()
    crashes = (Crash("signal", "Aborted in agent/store.py:1 (read)", 1.0, "0.1.0"),)
    lives = {"level": 1, "unclean": 2, "running": True, "boot": boot_id(), "crashes": crashes, **fields}
    assert marker.write(record_path(state), Lives(**lives))  # type: ignore[arg-type]  # as the tests give them


def level(daemon: Daemon) -> int:
    return int((daemon.health().get("safe_mode") or {}).get("level", 0))


def test_in_safe_mode_the_pages_are_up_and_say_why_and_a_command_leads_out_of_it_on_trial(tmp_path: Path) -> None:
    state = tmp_path / "state"
    about_to_fall(state)
    with daemon(state, "--discovery", "true", ready=False) as running:
        health = running.http.get("/healthz")
        assert (health.status_code, health.json()["status"]) == (503, "failed")
        told = health.json()["safe_mode"]
        assert (told["level"], told["wanted"], len(told["crashes"])) == (2, False, 2)
        assert running.ask("hello").status_code == 503
        page = running.http.get("/device", headers={"accept-language": "de"}).text
        assert "Abgesicherter Modus: Kein Modell läuft." in page
        assert "Aborted in agent/store.py:1 (read)" in page
        assert 'action="/device/safe-mode/leave"' in page
        assert "Safe mode: no model runs." in running.http.get("/settings/device").text
        assert running.http.get("/").status_code == 200
        port = str(running.http.base_url.port)
        left = edgewise(
            tmp_path, "safe-mode", "leave", "--state-dir", str(state), "--port", port, "--host", "127.0.0.1"
        )
        assert (left.returncode, left.stderr) == (0, "")
        running.wait_until_ready()
        assert level(running) == 0
        assert "safe-mode-title" not in running.http.get("/device").text
    with daemon(state) as running:  # killed on trial: one crash is enough
        assert level(running) == 1
        assert running.http.put("/api/edgewise/safe-mode", json={"level": 2}).json()["safe_mode"]["wanted"]
        eventually(lambda: running.health()["status"] == "failed", 10)
        assert running.http.post("/device/safe-mode/leave", data={}, headers={"origin": running.url}).status_code == 303
        running.wait_until_ready()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0
    assert not marker.read(record_path(state)).running


def test_a_record_that_can_be_neither_read_nor_written_does_no_harm(tmp_path: Path) -> None:
    state = tmp_path / "state"
    for name in ("lives.json", "last-words.txt", "config.kept.toml"):
        (state / name).mkdir(parents=True)
    with daemon(state) as running:
        assert level(running) == 0
        assert running.ask("hello").status_code == 200


def test_a_crash_is_explained_at_the_next_start_and_a_clean_end_is_none(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with daemon(state, ready=False) as running:
        os.kill(running.process.pid, signal.SIGABRT)  # as systemd's watchdog does
        assert running.process.wait(20) == -signal.SIGABRT
    with daemon(state, "--safe-mode", ready=False) as running:
        (crash,) = running.health()["safe_mode"]["crashes"]
        assert crash["how"].startswith("Aborted in ")
        assert level(running) == 2
    assert marker.read(record_path(state)).level == 0, "who asks for one life in safe mode has one"


@pytest.mark.slow
def test_as_a_service_a_damaged_configuration_is_told_on_the_page_and_the_last_one_is_used(tmp_path: Path) -> None:
    settings, address = tmp_path / "config.toml", tmp_path / "notify"
    settings.write_text('aliases = ["kept"]\n')
    variables = {"NOTIFY_SOCKET": str(address), "EDGEWISE_CONFIG": str(settings)}

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command(tmp_path / "state"),
            cwd=ROOT,
            env={**environment(tmp_path), **variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    with manager(str(address)) as systemd:
        for damage in ("", "aliases = [1, "):
            settings.write_text(damage or settings.read_text())
            process = start()
            try:
                url = systemd.until("READY")[-1]["STATUS"].rpartition(" ")[2]
                page = httpx.get(f"{url}/device", trust_env=False).text
                assert ("The configuration file is wrong" in page) == bool(damage)
                while httpx.get(f"{url}/healthz", trust_env=False).status_code != 200:
                    time.sleep(0.05)
                asked = {"model": "kept", "messages": [{"role": "user", "content": "hi"}]}
                assert httpx.post(f"{url}/v1/chat/completions", json=asked, trust_env=False).status_code == 200
            finally:
                process.terminate()
                process.wait(20)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_kills_at_any_moment_lead_to_safe_mode_which_is_up(tmp_path: Path, seed: int) -> None:
    state, chance = tmp_path / "state", random.Random(seed)  # noqa: S311 - reproducible
    for _ in range(ENOUGH):
        state.mkdir(exist_ok=True)
        with (state / "log").open("w") as log:
            process = subprocess.Popen(command(state), cwd=ROOT, env=environment(state), stdout=log, stderr=log)
        last = marker.read(record_path(state)).begun
        while marker.read(record_path(state)).begun == last:  # before that, there is no life that could be counted
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 1.5))
        process.kill()
        process.wait()
    with daemon(state, ready=False) as running:
        assert level(running) == 2
        assert running.http.get("/device").status_code == 200
