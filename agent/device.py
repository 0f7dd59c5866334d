"""What the owner has set on the pages: name, purpose, language, telemetry. Kept in the table `device` of app.db.

The broker's password is not in there but in a file of its own, `Config.kept_mqtt_password`.

A setting that a flag, the environment or the configuration file gives comes before what a page says.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta
from sqlite_utils import Database

from agent.config import Config
from agent.errors import InputError
from agent.phrase import Phrase
from agent.secret_file import remove_secret, write_secret
from agent.security.names import MOST_CHARACTERS, checked_name
from agent.selection.policy import Preference, Use
from agent.store import Store

SetupStep: TypeAlias = Literal["name", "use", "model", "telemetry", "done"]
Telemetry: TypeAlias = Literal["off", "on"]
Shared: TypeAlias = Literal["use", "prefer", "mqtt_url", "mqtt_username"]
"""What both a page and the configuration can say."""

Line = Annotated[str, Meta(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]

_PRODUCT = "Edgewise"
_LONGEST_PASSWORD = 1024  # characters
_OF_CHOICE: tuple[Shared, ...] = ("use", "prefer")
_OF_BROKER: tuple[Shared, ...] = ("mqtt_url", "mqtt_username")


class Device(msgspec.Struct, frozen=True):
    """What is set.

    Attributes:
        name: what the device is called.
        use: what the model is for; None: as the configuration says.
        prefer: what counts when models are compared; None likewise.
        language: of pages whose reader has chosen none and whose browser asks for none that we have.
        telemetry: whether figures about the device may be sent to a broker of the owner's.
        setup: the step of the setup that comes next.
        mqtt_url: of that broker, without a name and a password; it counts while `telemetry` is on.
        mqtt_username: to sign in there with, likewise; empty: as the configuration says.
    """

    name: str
    use: Use | None = None
    prefer: Preference | None = None
    language: str = ""
    telemetry: Telemetry = "off"
    setup: SetupStep = "name"
    mqtt_url: Line = ""
    mqtt_username: Line = ""

    @property
    def setup_done(self) -> bool:
        """Whether the owner has gone through the setup, or put it off."""
        return self.setup == "done"


@dataclass(frozen=True)
class InForce:
    """A setting as it works now. `place` is where it was given, empty when pages may change it."""

    value: str
    place: str


class DeviceSettings:
    """What the owner has set, over what the configuration says.

    Attributes:
        given: the configuration without what pages have set.

    Args:
        store: of app.db, open before `load`.
        given: the configuration that the daemon was started with.
        origins: for each setting where its value came from (`agent.config.Resolved.origins`).
    """

    def __init__(self, store: Store, given: Config, origins: Mapping[str, str]) -> None:
        self.device = Device(host_name())
        self.on_change: Callable[[], None] | None = None
        self._store = store
        self.given = given
        self._places = _places(origins)

    async def load(self) -> None:
        """Read what was set.

        Raises:
            StoreError: the database cannot be read.
        """
        self.device = await load(self._store)

    async def change(self, *, password: str = "", **values: str) -> Device:
        """Set some of the fields of `Device`.

        Args:
            password: for the broker; empty: the one that is kept stays, unless this is another broker.
            values: by name of the field.

        Raises:
            InputError: a value that cannot be; nothing was changed.
            StoreError: the database or the file of the password cannot be written.
        """
        device = self._checked(values)
        if len(password) > _LONGEST_PASSWORD:
            raise _impossible(f"a password of more than {_LONGEST_PASSWORD} characters", "password")
        if password:
            await asyncio.to_thread(write_secret, self.given.kept_mqtt_password, password)
        elif urlsplit(device.mqtt_url).netloc != urlsplit(self.device.mqtt_url).netloc:  # it was for the other broker
            await asyncio.to_thread(remove_secret, self.given.kept_mqtt_password)
        await save(self._store, device)
        self.device = device
        self._tell()
        return device

    async def forget_password(self) -> None:
        """Delete the broker's password that a page has set.

        Raises:
            StoreError: its file cannot be removed.
        """
        await asyncio.to_thread(remove_secret, self.given.kept_mqtt_password)
        self._tell()

    def follow(self, given: Config, origins: Mapping[str, str]) -> None:
        """Stand over another configuration from now on."""
        self.given, self._places = given, _places(origins)
        self._tell()

    def in_force(self, name: Shared) -> InForce:
        """Return one of the settings that both pages and the configuration can say."""
        return InForce(getattr(self.config, name), self._places.get(name, ""))

    @property
    def config(self) -> Config:
        """The configuration as it works now."""
        reporting = self.device.telemetry == "on" or "mqtt_url" in self._places
        names = (*_OF_CHOICE, *(_OF_BROKER if reporting else ()))
        chosen = {name: value for name in names if name not in self._places and (value := getattr(self.device, name))}
        return msgspec.structs.replace(self.given, **chosen)

    def _checked(self, values: dict[str, str]) -> Device:
        """Return the device with other values."""
        if "name" in values:
            values = {**values, "name": checked_name(values["name"])}
        device = _decoded({**msgspec.to_builtins(self.device), **values})
        for name, place in self._places.items():
            if name in values and getattr(device, name) != getattr(self.device, name):
                raise InputError(
                    Phrase(
                        "errors.set_elsewhere",
                        "{name} is set by {place} and cannot be changed here.",
                        name=name,
                        place=place,
                    ),
                    field=name,
                )
        return device

    def _tell(self) -> None:
        if self.on_change is not None:
            self.on_change()


async def load(store: Store) -> Device:
    """Return what is kept; the defaults stand for what is not, or what this version cannot understand.

    Raises:
        StoreError: the database cannot be read.
    """

    def rows(database: Database) -> dict[str, str]:
        names = Device.__struct_fields__
        marks = ", ".join("?" * len(names))
        query = f"SELECT key, value FROM device WHERE key IN ({marks})"  # noqa: S608 - nothing but question marks
        return dict(database.execute(query, names).fetchall())

    kept = await store.read(rows)
    values: dict[str, str] = {"name": host_name()}
    for name, value in kept.items():
        try:
            _decoded({**values, name: value})
        except InputError:  # written by another version
            continue
        values[name] = value
    return _decoded(values)


async def save(store: Store, device: Device) -> None:
    """Keep all fields.

    Raises:
        StoreError: the database cannot be written.
    """
    rows = [{"key": key, "value": value} for key, value in msgspec.to_builtins(device).items() if value is not None]
    await store.write(lambda database: database.table("device").upsert_all(rows, pk="key"))


def host_name() -> str:
    """Return what the system calls this computer, the first part of it."""
    name = socket.gethostname().split(".")[0]
    return name[:MOST_CHARACTERS] if name.isprintable() and name not in {"", "localhost"} else _PRODUCT


def _places(origins: Mapping[str, str]) -> dict[str, str]:
    return {name: origins[name] for name in (*_OF_CHOICE, *_OF_BROKER) if origins.get(name, "default") != "default"}


def _decoded(values: Mapping[str, object]) -> Device:
    try:
        return msgspec.convert(values, Device)
    except msgspec.ValidationError as error:
        raise _impossible(error, str(error).rpartition("$.")[2].rstrip("`")) from error


def _impossible(what: object, field: str) -> InputError:
    return InputError(Phrase("errors.cannot_be_set", "That cannot be set: {error}.", error=what), field=field)
