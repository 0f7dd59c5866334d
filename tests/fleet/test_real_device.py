"""The hub's side with a real device: its books are right after a power cut, and it answers."""

from pathlib import Path

import msgspec

from agent.fleet.fleet import Fleet
from agent.telemetry.message import Incoming
from tests.cli.running import edgewise
from tests.fleet.sim import PREFIX, now
from tests.telemetry.broker import broker
from tests.telemetry.observer import Observer, observer
from tests.web.daemon import daemon

DEVICE = "pi-kitchen"


def heard(hub: Observer) -> Fleet:
    """Return what a hub knows that has heard everything so far."""
    fleet = Fleet(PREFIX)
    for message in list(hub.messages):
        fleet.hear(Incoming(message.topic, bytes(message.payload), message.retain), now())
    return fleet


def has_reported_a_gap(hub: Observer) -> bool:
    return any('"event":"gap"' in payload for payload in hub.payloads(f"{PREFIX}/{DEVICE}/event"))


def test_after_a_power_cut_every_number_has_come_or_is_accounted_for(tmp_path: Path) -> None:
    with broker(tmp_path) as mosquitto, observer(mosquitto.port) as hub:
        flags = ["--mqtt-url", mosquitto.url, "--mqtt-id", DEVICE, "--mqtt-interval", "1"]
        with daemon(tmp_path / "state", *flags):
            hub.wait(lambda: f"{PREFIX}/{DEVICE}/telemetry" in hub.topics())
        with daemon(tmp_path / "state", *flags):
            hub.wait(lambda: has_reported_a_gap(hub))
            hub.wait(lambda: heard(hub).devices[DEVICE].ledger.missing() == 0)
        ledger = heard(hub).devices[DEVICE].ledger
        assert ledger.lost() == 0
        assert 0 < ledger.doubtful() <= 300
        assert ledger.received() >= 5


def test_a_real_device_is_watched_and_answers(tmp_path: Path) -> None:
    with broker(tmp_path) as mosquitto:
        place = ["--broker", mosquitto.url]
        with daemon(tmp_path / "state", "--mqtt-url", mosquitto.url, "--mqtt-id", DEVICE, "--mqtt-interval", "1"):
            pong = edgewise(tmp_path, "fleet", "send", DEVICE, "ping", *place)
            wrong = edgewise(tmp_path, "fleet", "send", DEVICE, "pong", *place)
            (row,) = msgspec.json.decode(edgewise(tmp_path, "fleet", "watch", "--once", "--json", *place).stdout)
    assert pong.returncode == 0, pong.stderr
    assert msgspec.json.decode(pong.stdout)["uptime"] > 0
    assert wrong.returncode == 1
    assert "There is no command 'pong'. Did you mean 'ping'?" in wrong.stderr
    assert (row["id"], row["status"], row["engine"], row["model"]) == (DEVICE, "online", "ready", "echo")
