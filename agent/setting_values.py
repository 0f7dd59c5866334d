"""Values of settings as they are written in files, variables and flags, made into what the settings are."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from agent.errors import ConfigError
from agent.strict_toml import parse

PREFIX = "EDGEWISE_"
_MOST_SHOWN = 200  # characters


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


def read_flat(path: Path) -> dict[str, Any]:
    """Return the settings of a TOML file.

    Raises:
        ConfigError: it cannot be read, or is not TOML.
    """
    _, tables = parse(path)
    try:
        return flat(tables)
    except RecursionError as error:
        raise ConfigError(f"{path} is nested too deeply.", hint="Tables of settings have one level.") from error


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
            f"There is no setting {_short(name)!r} ({place}).",
            hint=f"Did you mean {close[0]!r}?" if close else "`edgewise config` lists them all.",
        )
    if isinstance(value, str) and _is_list(fields[name].type):
        value = [part.strip() for part in value.split(",") if part.strip()]
    try:
        _require_text(value)
        return msgspec.convert(value, fields[name].type, strict=False, dec_hook=_decode)
    except (msgspec.ValidationError, ValueError) as error:
        hint = f"What it is: {description(fields[name])}."
        message = f"Setting {name} cannot be {_shown(value)} ({place}): {_short(str(error))}."
        raise ConfigError(message, hint=hint) from error


def description(field: msgspec.structs.FieldInfo) -> str:
    """Return what a setting is, in words."""
    found = getattr(field.type, "__metadata__", ())
    return next((meta.description for meta in found if meta.description), field.name)


def _require_text(value: object) -> None:
    """Refuse what no file, host or model is called, and the operating system would not take.

    Raises:
        ValueError: there is such a character.
    """
    if any("\0" in text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)):
        raise ValueError("There is a character in it that is none")


def _shown(value: object) -> str:
    """Return the beginning of a value as it is written."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of more than 4300 digits
        return "so large a number"
    return _short(text)


def _short(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def _is_list(kind: object) -> bool:
    info = msgspec.inspect.type_info(kind)
    while isinstance(info, msgspec.inspect.Metadata):  # the description
        info = info.type
    return isinstance(info, msgspec.inspect.ListType)


def _decode(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        try:
            return Path(value).expanduser().absolute()
        except RuntimeError as error:
            raise ValueError(f"Nobody here has the home directory {value.partition('/')[0]!r}") from error
    raise ValueError("Expected `str`")
