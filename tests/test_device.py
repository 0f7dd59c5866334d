"""What the owner sets is kept, checked, and comes after what the configuration says."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

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
