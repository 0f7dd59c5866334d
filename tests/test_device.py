"""What the owner sets is kept, checked, and comes after what the configuration says."""

import asyncio
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from agent.config import Config
from agent.device import Device, DeviceSettings, host_name
from agent.errors import InputError
from agent.store import Store


def settings(store: Store, config: Config, origins: Mapping[str, str] | None = None) -> DeviceSettings:
    made = DeviceSettings(store, config, origins or {})
    asyncio.run(made.load())
    return made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "app.db")
    made.open()
    yield made
    made.close()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(state_dir=tmp_path)


def test_a_new_device_is_called_as_its_host_and_sends_nothing(store: Store, config: Config) -> None:
    assert settings(store, config).device == Device(host_name(), telemetry="off", setup="name")


def test_what_was_set_is_there_after_a_restart(store: Store, config: Config) -> None:
    asyncio.run(settings(store, config).change(name="  Küche \t Pi ", use="code", language="de", setup="done"))
    again = settings(store, config)
    assert again.device == Device("Küche Pi", use="code", language="de", setup="done")
    assert again.device.setup_done
    assert again.config.use == "code"


def test_the_configuration_comes_first_and_says_so(store: Store, config: Config) -> None:
    asyncio.run(settings(store, config).change(use="code", prefer="speed"))
    fixed = settings(store, config, {"use": "EDGEWISE_USE", "prefer": "default"})
    assert (fixed.config.use, fixed.config.prefer) == ("chat", "speed")
    assert fixed.in_force("use").place == "EDGEWISE_USE"
    assert not fixed.in_force("prefer").place
    with pytest.raises(InputError, match="EDGEWISE_USE"):
        asyncio.run(fixed.change(use="math"))


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "  "), ("name", "x" * 41), ("name", "a\u202eb"), ("use", "war"), ("telemetry", "maybe")],
)
def test_what_cannot_be_is_refused_and_changes_nothing(store: Store, config: Config, field: str, value: str) -> None:
    made = settings(store, config)
    with pytest.raises(InputError) as caught:
        asyncio.run(made.change(**{"prefer": "speed", field: value}))
    assert caught.value.field == field
    assert settings(store, config).device == made.device == Device(host_name())


def test_a_value_of_another_version_counts_as_not_set(store: Store, config: Config) -> None:
    asyncio.run(settings(store, config).change(use="code", name="Attic"))
    asyncio.run(store.write(lambda database: database.execute("UPDATE device SET value = 'poetry' WHERE key = 'use'")))
    assert settings(store, config).device == Device("Attic")


FIRST, SECOND = "first secret", "second secret"
BROKER = {"mqtt_url": "mqtt://hub.lan:1883", "mqtt_username": "attic"}


def test_a_broker_of_the_page_counts_while_telemetry_is_on(store: Store, config: Config) -> None:
    made = settings(store, config)
    asyncio.run(made.change(**BROKER))
    assert not made.config.mqtt_url
    asyncio.run(made.change(telemetry="on"))
    assert (made.config.mqtt_url, made.config.mqtt_username) == ("mqtt://hub.lan:1883", "attic")
    assert settings(store, config).config == made.config


def test_a_broker_of_the_configuration_counts_whatever_the_page_says(store: Store, config: Config) -> None:
    asyncio.run(settings(store, config).change(telemetry="on", **BROKER))
    given = msgspec.structs.replace(config, mqtt_url="mqtts://office.lan")
    fixed = settings(store, given, {"mqtt_url": "EDGEWISE_MQTT_URL"})
    asyncio.run(fixed.change(telemetry="off"))
    assert fixed.config.mqtt_url == "mqtts://office.lan"
    assert fixed.in_force("mqtt_url").place == "EDGEWISE_MQTT_URL"
    with pytest.raises(InputError, match="EDGEWISE_MQTT_URL"):
        asyncio.run(fixed.change(mqtt_url="mqtt://elsewhere"))


def test_a_user_name_that_no_broker_takes_is_refused(store: Store, config: Config) -> None:
    for name in ("a\x00b", "x" * 256):
        with pytest.raises(InputError):
            asyncio.run(settings(store, config).change(mqtt_username=name))


def test_the_password_is_for_the_daemon_alone_and_stays_until_it_is_forgotten(store: Store, config: Config) -> None:
    made = settings(store, config)
    asyncio.run(made.change(password=FIRST, **BROKER))
    asyncio.run(made.change(password=SECOND))
    asyncio.run(made.change(name="Attic"))
    kept = config.kept_mqtt_password
    assert kept.read_text() == SECOND
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    asyncio.run(made.forget_password())
    asyncio.run(made.forget_password())
    assert not kept.exists()


def test_another_broker_never_gets_the_password_of_the_old_one(store: Store, config: Config) -> None:
    made = settings(store, config)
    asyncio.run(made.change(password=FIRST, **BROKER))
    asyncio.run(made.change(mqtt_url=BROKER["mqtt_url"], telemetry="off"))
    assert config.kept_mqtt_password.exists()
    asyncio.run(made.change(mqtt_url="mqtt://elsewhere:1883"))
    assert not config.kept_mqtt_password.exists()


def test_a_refused_change_leaves_the_password(store: Store, config: Config) -> None:
    made = settings(store, config)
    with pytest.raises(InputError):
        asyncio.run(made.change(password=FIRST, telemetry="maybe"))
    with pytest.raises(InputError, match="1024"):
        asyncio.run(made.change(password="x" * 1025, telemetry="on"))
    assert made.device.telemetry == "off"
    assert not config.kept_mqtt_password.exists()


def test_whoever_follows_is_told_of_a_password(store: Store, config: Config) -> None:
    told: list[str] = []
    made = settings(store, config)
    made.on_change = lambda: told.append(config.kept_mqtt_password.read_text())
    asyncio.run(made.change(password=FIRST))
    assert told == [FIRST]


def test_other_passwords_come_before_the_one_of_the_page(
    store: Store, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert config.mqtt_password() is None
    asyncio.run(settings(store, config).change(password=FIRST))
    assert config.mqtt_password() == config.kept_mqtt_password
    credential = tmp_path / "credentials" / "mqtt.password"
    credential.parent.mkdir()
    credential.touch()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credential.parent))
    assert config.mqtt_password() == credential
    given = tmp_path / "given"
    assert msgspec.structs.replace(config, mqtt_password_file=given).mqtt_password() == given
