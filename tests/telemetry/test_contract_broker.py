"""What a whole daemon makes of brokers that restart, forget, forbid, or have another device with the same id."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.telemetry.linking import DEVICE
from tests.telemetry.observer import eventually, observer
from tests.telemetry.reporting import OWN, Place, place, reporting
from tests.web.daemon import Daemon


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place(tmp_path_factory.mktemp("broker")) as found:
        yield found


@pytest.fixture(scope="module")
def device(here: Place) -> Iterator[Daemon]:
    """One daemon for the tests of this file that take it."""
    with reporting(here) as running:
        here.hub.wait(lambda: f"{OWN}/reported" in here.hub.topics())
        yield running


@pytest.mark.parametrize("forgets", [False, True], ids=["that keeps", "that forgets"])
def test_after_a_restart_of_the_broker_everything_is_there_again(device: Daemon, here: Place, *, forgets: bool) -> None:
    if forgets:
        here.broker.kill()
        with suppress(FileNotFoundError):
            (here.broker.folder / "mosquitto.db").unlink()
    else:
        here.broker.stop()
    assert device.ask("Are you alone?").status_code == 200
    here.broker.start()
    with observer(here.broker.port) as here.hub:
        here.hub.wait(lambda: here.statuses()[-1:] == ["online"], 30)
        here.hub.wait(lambda: here.hub.payloads(f"{OWN}/birth"))
        assert here.ask("ping").status == "ok"


def test_another_device_with_the_same_id_is_named_as_the_reason(device: Daemon, here: Place) -> None:
    assert device.process.poll() is None
    twin = Client(CallbackAPIVersion.VERSION2, DEVICE, protocol=MQTTProtocolVersion.MQTTv5)
    twin.connect("127.0.0.1", here.broker.port)
    twin.loop_start()
    try:
        assert eventually(lambda: f"another device use the id {DEVICE}" in here.log())
    finally:
        twin.disconnect()
        twin.loop_stop()


@pytest.mark.parametrize("topic", ["birth", "telemetry", "homeassistant"])
def test_a_topic_that_the_broker_forbids_stops_no_other(tmp_path: Path, topic: str) -> None:
    forbidden = f"homeassistant/device/{DEVICE}/config" if topic == "homeassistant" else f"{OWN}/{topic}"
    with place(tmp_path, access=(f"topic deny {forbidden}", "topic readwrite #")) as here, reporting(here):
        here.hub.wait(lambda: f"{OWN}/reported" in here.hub.topics())
        here.wait_for_news("state")
        assert here.ask("ping").status == "ok"
        assert {f"{OWN}/status", f"{OWN}/event", f"{OWN}/state"} <= set(here.hub.topics())
        assert forbidden not in here.hub.topics()
        assert set(here.statuses()) == {"online"}
