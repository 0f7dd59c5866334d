"""Where the device reports to, set on the page; without JavaScript."""

import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.telemetry.broker import Broker, broker
from tests.telemetry.observer import observer
from tests.web.daemon import Daemon, daemon, eventually
from tests.web.settings.conftest import PASSWORD, settle
from tests.web.settings.visiting import Visitor, visiting, words

PAGE, FORM = "/settings/device", "/settings/telemetry"
NOBODY = "mqtt://127.0.0.1:9"
SECRET = "tr0ub4dor & 3"  # noqa: S105 - of a broker that lives for seconds


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with broker(tmp_path_factory.mktemp("broker"), users={"attic": SECRET, "hub": SECRET}) as running:
        yield running


@pytest.fixture
def ada(household: Daemon) -> Iterator[Visitor]:
    """The admin; what she has entered is gone afterwards."""
    with visiting(household.url, "Ada", PASSWORD) as ada:
        yield ada
        ada.send(PAGE, FORM, telemetry="off", mqtt_url="", mqtt_username="")


def state(visitor: Visitor) -> str:
    return words("<main>" + visitor.open("/settings/telemetry/state"))


def test_a_new_broker_is_used_at_once_and_told_when_it_is_left(ada: Visitor, mosquitto: Broker) -> None:
    place = mosquitto.url.removeprefix("mqtt://")
    assert "Nothing is sent." in state(ada)
    page = ada.send(PAGE, FORM, telemetry="on", mqtt_url=place, mqtt_username="attic", password=SECRET)
    assert "Saved." in words(page)
    assert f'value="mqtt://{place}"' in page
    with observer(mosquitto.port, "edgewise/v1/+/status", username="hub", password=SECRET) as hub:
        hub.wait(lambda: [message for message in hub.messages if message.payload == b"online"])
        eventually(lambda: f"Connected to {place}" in state(ada), 5)
        ada.send(PAGE, FORM, telemetry="off")
        hub.wait(lambda: hub.messages[-1].payload == b"offline")
    assert "Nothing is sent." in state(ada)


def test_the_password_is_never_shown_and_forgotten_when_that_is_wanted(
    ada: Visitor, household: Daemon, household_state: Path
) -> None:
    page = ada.send(PAGE, FORM, mqtt_url=f"mqtt://attic:{quote(SECRET)}@127.0.0.1:9", telemetry="on")
    kept = household_state / "mqtt.password"
    assert kept.read_text() == SECRET
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert f'value="{NOBODY}"' in page
    assert 'value="attic"' in page
    ada.send(PAGE, FORM, mqtt_username="cellar")
    assert kept.read_text() == SECRET, "an empty field keeps it"
    told = [ada.open(path) for path in (PAGE, "/device", "/logs?level=debug", "/setup/telemetry")]
    assert SECRET.replace(" ", "%20") not in "".join(told)
    assert SECRET not in "".join(told)
    assert SECRET not in (household_state / "log").read_text()
    ada.http.post(f"{FORM}/forget", data=_csrf(ada))
    assert not kept.exists()
    assert "Forget the password" not in ada.open(PAGE)
    assert household.process.poll() is None


def test_an_address_that_cannot_be_is_said_beside_its_field_and_nothing_is_kept(ada: Visitor) -> None:
    page = ada.send(PAGE, FORM, telemetry="on", mqtt_url="http://hub.lan", mqtt_username="attic")
    assert ada.response.status_code == 400
    assert "http://hub.lan is no address of an MQTT broker." in words(page)
    assert 'value="http://hub.lan"' in page, "it can be mended"
    page = ada.send(PAGE, FORM, telemetry="on", mqtt_url=" ")
    assert "the device has to know" in words(page)
    assert 'value="attic"' not in ada.open(PAGE)


def test_a_broker_that_is_away_is_said_with_what_waits_for_it(ada: Visitor) -> None:
    ada.send(PAGE, FORM, telemetry="on", mqtt_url=NOBODY)
    eventually(lambda: "Nobody listens at 127.0.0.1:9." in state(ada), 5)
    assert "next try in" in state(ada)
    eventually(lambda: "Waiting to be sent" in state(ada) and "the oldest for" in state(ada), 5)
    assert "Nobody listens at 127.0.0.1:9." in words(ada.open("/device"))


def test_jobs_of_the_hub_are_listed_with_how_they_ended(ada: Visitor, mosquitto: Broker) -> None:
    ada.send(PAGE, FORM, telemetry="on", mqtt_url=mosquitto.url, mqtt_username="attic", password=SECRET)
    with observer(mosquitto.port, "edgewise/v1/#", username="hub", password=SECRET) as hub:
        hub.wait(lambda: any(message.payload == b"online" for message in hub.messages))
        device = next(topic for topic in hub.topics() if topic.endswith("/status")).removesuffix("/status")
        hub.publish(f"{device}/job/winter-update", "no job")
        eventually(lambda: "Jobs from the hub Failed winter-update" in words(ada.open("/device")), 5)


def test_a_broker_that_was_found_is_filled_in_and_not_used(ada: Visitor) -> None:
    page = ada.http.post(f"{FORM}/take", data={**_csrf(ada), "found": "mqtts://192.0.2.9:8883"}).text
    assert 'value="mqtts://192.0.2.9:8883"' in page
    assert 'name="telemetry" value="on" checked' in page
    assert "Nothing is sent." in state(ada)
    assert "192.0.2.9" not in ada.open(PAGE)


def test_the_network_is_asked_for_brokers_when_somebody_wants_to_know(ada: Visitor) -> None:
    assert "Look for brokers" in words(ada.open(PAGE))
    assert "None announces itself." in words(ada.open("/settings/telemetry/brokers"))


def test_nobody_but_admins_may_see_or_change_it(household: Daemon) -> None:
    with visiting(household.url, "Bob", PASSWORD) as bob:
        for path in ("/settings/telemetry/state", "/settings/telemetry/brokers", "/api/edgewise/telemetry"):
            assert bob.http.get(path).status_code in {401, 403}, path
        for path in (FORM, f"{FORM}/take", f"{FORM}/forget"):
            assert bob.http.post(path, data={"mqtt_url": NOBODY}).status_code == 403, path


def test_what_the_configuration_says_comes_first_and_is_said(tmp_path: Path) -> None:
    settle(tmp_path)
    given = NOBODY.replace("//", "//attic:tr0ub4dor@")
    with (
        daemon(tmp_path, "--auth", "accounts", "--mqtt-url", given, ready=False) as running,
        visiting(running.url, "Ada", PASSWORD) as ada,
    ):
        page = ada.open(PAGE)
        assert "tr0ub4dor" not in page
        assert "Set by the command line; it cannot be changed here." in words(page)
        ada.send(PAGE, FORM, mqtt_username="cellar")
        assert ada.response.status_code == 200
        assert "127.0.0.1:9" in state(ada), "it is in force though nobody has switched telemetry on here"
        assert "Set by the command line" in words(ada.open("/setup/telemetry"))
        ada.send("/setup/telemetry", "/setup/telemetry")
        assert ada.path == "/"


def _csrf(visitor: Visitor) -> dict[str, str]:
    return {"csrf": visitor.open(PAGE).partition('name="csrf" value="')[2].partition('"')[0]}
