"""What the owner has set on the pages: name, purpose, language, telemetry. Kept in the table `device` of app.db.

A setting that a flag, the environment or the configuration file gives comes before what a page says.
"""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec
from sqlite_utils import Database

from agent.config import Config
from agent.errors import InputError
from agent.phrase import Phrase
from agent.security.names import MOST_CHARACTERS, checked_name
from agent.selection.policy import Preference, Use
from agent.store import Store

SetupStep: TypeAlias = Literal["name", "use", "model", "telemetry", "done"]
Telemetry: TypeAlias = Literal["off", "on"]

_PRODUCT = "Edgewise"
_OF_CONFIG = ("use", "prefer")  # what both a page and the configuration can say


class Device(msgspec.Struct, frozen=True):
    """What is set.

    Attributes:
        name: what the device is called.
        use: what the model is for; None: as the configuration says.
        prefer: what counts when models are compared; None likewise.
        language: of pages whose reader has chosen none and whose browser asks for none that we have.
        telemetry: whether figures about the device may be sent to a broker of the owner's.
        setup: the step of the setup that comes next.
    """

    name: str
    use: Use | None = None
    prefer: Preference | None = None
    language: str = ""
    telemetry: Telemetry = "off"
    setup: SetupStep = "name"

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

    async def change(self, **values: str) -> Device:
        """Set some of the fields of `Device`.

        Raises:
            InputError: a value that cannot be; nothing was changed.
            StoreError: the database cannot be written.
        """
        if "name" in values:
            values["name"] = checked_name(values["name"])
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
        await save(self._store, device)
        self.device = device
        if self.on_change is not None:
            self.on_change()
        return device

    def follow(self, given: Config, origins: Mapping[str, str]) -> None:
        """Stand over another configuration from now on."""
        self.given, self._places = given, _places(origins)
        if self.on_change is not None:
            self.on_change()

    def in_force(self, name: Literal["use", "prefer"]) -> InForce:
        """Return one of the settings that both pages and the configuration can say."""
        return InForce(getattr(self.config, name), self._places.get(name, ""))

    @property
    def config(self) -> Config:
        """The configuration as it works now."""
        chosen = {
            name: value
            for name in _OF_CONFIG
            if name not in self._places and (value := getattr(self.device, name)) is not None
        }
        return msgspec.structs.replace(self.given, **chosen)


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
    return {name: origins[name] for name in _OF_CONFIG if origins.get(name, "default") != "default"}


def _decoded(values: Mapping[str, object]) -> Device:
    try:
        return msgspec.convert(values, Device)
    except msgspec.ValidationError as error:
        field = str(error).rpartition("$.")[2].rstrip("`")
        raise InputError(
            Phrase("errors.cannot_be_set", "That cannot be set: {error}.", error=error), field=field
        ) from error
