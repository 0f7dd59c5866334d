"""Commands from a hub to a whole daemon: through broker, cable, kill -9 and all."""

import json
import signal
import time
from pathlib import Path

from tests.telemetry.reporting import OWN, place, reporting

MANY = "edgewise/v1/_all/cmd"


def test_a_command_that_kill_9_has_cut_off_is_answered_after_the_restart(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        with reporting(here) as daemon:
            here.hub.wait(lambda: f"{OWN}/reported" in here.hub.topics())
            later = json.dumps({"id": "r1", "args": {"spread_s": 500}})
            here.hub.publish(f"{MANY}/restart_engine", later, reply="answers/cut")
            here.ask("ping")  # commands are taken in one after the other: the first one is noted
            daemon.process.send_signal(signal.SIGKILL)
            daemon.process.wait()
        with reporting(here):
            here.hub.wait(lambda: here.answers("answers/cut"))
            (answer,) = here.answers("answers/cut")
            assert (answer.id, answer.status, answer.code) == ("r1", "error", 500)


def test_a_command_that_came_while_the_device_was_away_is_followed_if_it_is_still_good(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        with reporting(here) as daemon:
            here.hub.wait(lambda: f"{OWN}/reported" in here.hub.topics())
            daemon.process.send_signal(signal.SIGKILL)
            daemon.process.wait()
        here.hub.publish(f"{OWN}/cmd/ping", '{"id":"kept"}', reply="answers/kept")
        here.hub.publish(f"{OWN}/cmd/ping", '{"id":"gone"}', reply="answers/gone", expiry=1)
        time.sleep(2.5)  # mosquitto counts whole seconds and keeps a message through the last of them
        with reporting(here):
            here.hub.wait(lambda: here.answers("answers/kept"))
            assert here.answers("answers/kept")[0].status == "ok"
            now = round(time.time() * 1000)
            here.ask("ping", {"args": {"time": now}})  # now the device knows what time it is, whoever sets clocks here
            old = here.ask("ping", {"ts": now - 60_000, "ttl_s": 5})
            assert (old.status, old.code) == ("expired", 408)
            assert not here.answers("answers/gone"), "the broker has thrown it away"


def test_a_hundred_pings_leave_nothing_on_the_disk(tmp_path: Path) -> None:
    with place(tmp_path) as here, reporting(here) as daemon:
        here.hub.wait(lambda: f"{OWN}/reported" in here.hub.topics())
        here.ask("ping")
        before, log = files(tmp_path / "state"), here.log()
        for number in range(100):
            assert here.ask("ping", {"id": f"p{number}", "by": "ops@hub"}).status == "ok"
        assert files(tmp_path / "state") == before
        assert here.log() == log
        assert daemon.process.poll() is None
        here.ask("reload_config", {"by": "ops@hub"})
        assert files(tmp_path / "state")["app.db-wal"] != before["app.db-wal"], "what changes something is noted"
        assert "Command reload_config by 'ops@hub'" in here.log()


def files(state: Path) -> dict[str, tuple[int, int]]:
    """Return when the databases of a device were changed, and their sizes; a log of SQLite's is written in place."""
    found = [*state.glob("app.db"), *state.glob("app.db-wal"), *state.glob("outbox.db*")]
    return {file.name: (file.stat().st_mtime_ns, file.stat().st_size) for file in found}


def test_other_settings_take_effect_without_a_new_connection(tmp_path: Path) -> None:
    file = tmp_path / "state" / ".config" / "edgewise" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[mqtt]\nsay = 0\n")
    with place(tmp_path) as here, reporting(here):
        here.hub.wait(lambda: f"{OWN}/reported" in here.hub.topics())
        assert here.ask("say", {"args": {"prompt": "hello"}}).code == 403
        file.write_text("[mqtt]\nsay = 3\n")
        answer = here.ask("reload_config")
        assert answer.result == {"changed": ["mqtt_say"], "waiting": []}
        assert here.ask("say", {"args": {"prompt": "hello"}}).result["text"] == "hello"
        file.write_text("[mqtt]\nsey = 3\n")
        wrong = here.ask("reload_config")
        assert (wrong.status, wrong.code) == ("rejected", 409)
        assert "mqtt_sey" in wrong.msg
        assert here.statuses() == ["online"]


def test_a_desired_state_that_lies_at_the_broker_is_followed(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        desired = {"rev": 4, "state": {"name": "Kitchen", "telemetry": {"interval_s": 2}}}
        here.hub.publish(f"{OWN}/desired", json.dumps(desired), retain=True)
        with reporting(here):
            here.hub.wait(lambda: any('"rev":4,"ok":true' in text for text in here.hub.payloads(f"{OWN}/reported")))
            reported = here.newest("reported")["state"]
            assert (reported["name"], reported["telemetry"]) == ("Kitchen", {"interval_s": 2.0})
            here.hub.wait(lambda: here.newest("birth")["interval"] == 2 and here.newest("birth")["name"] == "Kitchen")
