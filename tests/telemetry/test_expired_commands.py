"""Commands that have become too old while a device was away are never carried out: with a real broker between."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.telemetry.observer import eventually
from tests.telemetry.reporting import OWN, Place, end, place, reporting
from tests.web.daemon import Daemon

GOOD_FOR = 1.0  # seconds
DANGEROUS = "restart_engine"  # whoever carries it out has another engine process


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path) as found:
        yield found


def connect(here: Place) -> None:
    """Wait until the device follows commands, and tell it what time it is, whoever sets the clock of this computer."""
    here.hub.wait(lambda: f"{OWN}/reported" in here.hub.topics())
    assert here.ask("ping", {"args": {"time": now()}}).status == "ok"


def now() -> int:
    return round(time.time() * 1000)


def send_while_away(here: Place, away: Callable[[], None], back: Callable[[], None]) -> None:
    """Send commands that the broker drops, that the device has to refuse, and that are good for an hour; then wait."""
    away()
    for name, expiry, ttl in (("dropped", 1, 0.0), ("refused", 0, GOOD_FOR), ("both", 60, GOOD_FOR)):
        command = {"id": name, "ts": now(), "ttl_s": ttl}
        here.hub.publish(f"{OWN}/cmd/{DANGEROUS}", json.dumps(command), expiry=expiry, reply=f"answers/{name}")
    good = {"id": "good", "ts": now(), "ttl_s": 3600}
    here.hub.publish(f"{OWN}/cmd/reload_config", json.dumps(good), expiry=3600, reply="answers/good")
    time.sleep(GOOD_FOR + 1.5)  # mosquitto counts whole seconds and keeps a message through the last of them
    back()


def check(here: Place, device: Daemon, engine: int) -> None:
    """Make sure that nothing of it was carried out but what is still good, and that the hub is told where it can be."""
    here.hub.wait(lambda: here.answers("answers/good"), 40)
    here.hub.wait(lambda: here.answers("answers/refused") and here.answers("answers/both"))
    assert here.answers("answers/good")[0].status == "ok"
    for name in ("refused", "both"):
        (answer,) = here.answers(f"answers/{name}")
        assert (answer.id, answer.status, answer.code) == (name, "expired", 408)
        assert answer.msg.endswith("s old and was good for 1 s.")
    assert here.ask("ping").status == "ok", "whatever came before it has been looked at"
    assert here.answers("answers/dropped") == []
    assert device.engine() == engine
    with closing(sqlite3.connect(here.folder / "state" / "app.db")) as database:
        noted = {name for (name,) in database.execute("SELECT id FROM commands")}
    assert "good" in noted
    assert noted.isdisjoint({"dropped", "refused", "both"})


@pytest.mark.slow
def test_what_has_expired_while_the_cable_was_cut_is_not_carried_out(here: Place) -> None:
    with reporting(here) as device:
        connect(here)
        engine = device.engine()
        send_while_away(here, here.cable.cut, here.cable.mend)
        check(here, device, engine)


def test_what_has_expired_while_the_device_was_off_is_not_carried_out(here: Place) -> None:
    with reporting(here) as device:
        connect(here)
        end(device)
    send_while_away(here, lambda: None, lambda: None)
    with reporting(here) as device:
        check(here, device, device.engine())


def test_the_same_command_is_carried_out_while_it_is_good(here: Place) -> None:
    with reporting(here) as device:
        connect(here)
        engine = device.engine()
        answer = here.ask(DANGEROUS, {"id": "dropped", "ts": now(), "ttl_s": 60.0}, expiry=60)
        assert answer.status == "ok"
        assert eventually(lambda: device.engine() != engine)
