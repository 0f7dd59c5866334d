"""What is kept of a broker that somebody has typed."""

from pathlib import Path

import pytest

from agent.config import Config
from agent.errors import ConfigError
from agent.telemetry.chosen import ChosenBroker, chosen_broker


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(state_dir=tmp_path)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("hub.lan", "mqtt://hub.lan:1883"),
        (" mqtts://hub.lan ", "mqtts://hub.lan:8883"),
        ("192.0.2.7:1884", "mqtt://192.0.2.7:1884"),
        ("mqtt://[2001:db8::7]", "mqtt://[2001:db8::7]:1883"),
        ("", ""),
    ],
)
def test_scheme_and_port_are_filled_in(config: Config, typed: str, kept: str) -> None:
    assert chosen_broker(config, typed, "", "").url == kept


def test_name_and_password_are_taken_out_of_the_address(config: Config) -> None:
    found = chosen_broker(config, "mqtt://attic:p%40ss@hub.lan", "", "")
    assert found == ChosenBroker("mqtt://hub.lan:1883", "attic", "p@ss")
    typed = chosen_broker(config, "mqtt://attic:old@hub.lan", "cellar", "new")
    assert typed == ChosenBroker("mqtt://hub.lan:1883", "cellar", "new")
    assert "p@ss" not in repr(found)


@pytest.mark.parametrize("typed", ["http://hub.lan", "wss://hub.lan", "mqtt://", "mqtt://hub.lan/x", "my hub", "a:b:c"])
def test_what_is_no_address_is_refused(config: Config, typed: str) -> None:
    with pytest.raises(ConfigError):
        chosen_broker(config, typed, "", "")


def test_a_refusal_does_not_repeat_the_password(config: Config) -> None:
    with pytest.raises(ConfigError) as caught:
        chosen_broker(config, "http://attic:secret@hub.lan", "", "")
    assert "secret" not in caught.value.message + caught.value.hint


def test_certificates_are_for_encrypted_connections(tmp_path: Path) -> None:
    with_ca = Config(state_dir=tmp_path, mqtt_ca=tmp_path / "ca.pem")
    assert chosen_broker(with_ca, "mqtts://hub.lan", "", "").url
    with pytest.raises(ConfigError, match="not encrypted"):
        chosen_broker(with_ca, "hub.lan", "", "")
