"""What the setting `mqtt_url` may say."""

from pathlib import Path

import pytest

from agent.errors import ConfigError
from agent.telemetry.link.address import Address


@pytest.mark.parametrize(
    ("url", "place", "tls"),
    [
        ("mqtt://hub.local", "hub.local:1883", False),
        ("mqtts://hub.local/", "hub.local:8883", True),
        ("mqtt://10.0.0.7:11883", "10.0.0.7:11883", False),
        ("mqtt://[fd00::7]", "[fd00::7]:1883", False),
        ("MQTTS://Hub.Local:443", "hub.local:443", True),
    ],
)
def test_a_url_names_host_port_and_encryption(url: str, place: str, tls: bool) -> None:  # noqa: FBT001 - a column
    endpoint = Address(url, "kitchen-1").endpoint()
    assert (str(endpoint), endpoint.tls) == (place, tls)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hub.local",
        "hub.local:1883",
        "http://hub.local",
        "mqtt://",
        "mqtt://:1883",
        "mqtt://hub.local:99999",
        "mqtt://hub.local:port",
        "mqtt://hub.local/topic",
        "mqtt://hub.local?x=1",
        "mqtt://[fd00::7",
    ],
)
def test_what_is_no_url_of_a_broker_is_refused_with_a_hint(url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Address(url, "kitchen-1").endpoint()
    assert "mqtts://HOST" in raised.value.hint


@pytest.mark.parametrize("url", ["ws://hub.local", "wss://ada:s3cret@hub.local/mqtt"])
def test_websockets_are_refused_by_name(url: str) -> None:
    with pytest.raises(ConfigError, match="WebSocket"):
        Address(url, "kitchen-1").endpoint()


@pytest.mark.parametrize("url", ["wss://ada:s3cret@hub.local", "mqtt://ada:s3cret@hub:99999", "mqtt://ada:s3/cret@hub"])
def test_a_password_in_a_wrong_url_is_not_shown(url: str) -> None:
    address = Address(url, "kitchen-1")
    with pytest.raises(ConfigError) as raised:
        address.endpoint()
    assert "cret" not in f"{raised.value}{raised.value.hint}{address}"


def test_certificates_are_not_left_unused_in_silence() -> None:
    with pytest.raises(ConfigError, match="not encrypted"):
        Address("mqtt://hub.local", "kitchen-1", ca=Path("ca.pem")).endpoint()


def test_the_name_in_the_settings_comes_before_the_one_in_the_url_and_the_id_last(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("from file \n")
    url = "mqtt://ada:p%40ss@hub.local"
    assert Address("mqtt://hub.local", "kitchen-1").login() == ("", "")
    assert Address("mqtt://hub.local", "kitchen-1", password_file=secret).login() == ("kitchen-1", "from file ")
    assert Address(url, "kitchen-1").login() == ("ada", "p@ss")
    assert Address(url, "kitchen-1", username="eve", password_file=secret).login() == ("eve", "from file ")
