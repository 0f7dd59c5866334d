"""Values of settings as they are written in files, variables and flags, made into what the settings are."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from agent.errors import ConfigError

PREFIX = "EDGEWISE_"


@dataclass(frozen=True)
class Setting:
    """One row of the table of settings."""

    name: str
    help: str
    default: object

    @property
    def flag(self) -> str:
        """The command-line flag."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return PREFIX + self.name.upper()


def flat(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a TOML file: `url` in the table `mqtt` is `mqtt_url`."""
    found: dict[str, Any] = {}
    for name, value in tables.items():
        found |= (
            {f"{name}_{key}": inner for key, inner in flat(value).items()} if isinstance(value, dict) else {name: value}
        )
    return found


def convert(kind: type[msgspec.Struct], name: str, value: object, place: str) -> object:
    """Return the value of a setting, which is a field of `kind`.

    Args:
        kind: the struct of all settings.
        name: of the setting.
        value: as it was given.
        place: where, for the error.

    Raises:
        ConfigError: there is no such setting, or it cannot have this value.
    """
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    if name not in fields:
        close = difflib.get_close_matches(name, fields, 1)
        raise ConfigError(
            f"There is no setting {name!r} ({place}).",
            hint=f"Did you mean {close[0]!r}?" if close else "`edgewise config` lists them all.",
        )
    if isinstance(value, str) and _is_list(fields[name].type):
        value = [part.strip() for part in value.split(",") if part.strip()]
    try:
        return msgspec.convert(value, fields[name].type, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise ConfigError(f"Setting {name} cannot be {value!r} ({place}): {error}.") from error


def _is_list(kind: object) -> bool:
    info = msgspec.inspect.type_info(kind)
    while isinstance(info, msgspec.inspect.Metadata):  # the description
        info = info.type
    return isinstance(info, msgspec.inspect.ListType)


def _decode(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value).expanduser().absolute()
    raise NotImplementedError(kind)  # as msgspec wants it said of a type that this hook does not know
