"""Settings that an update brings: which it may change, and how they get into the file of the owner."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from agent.bundles.settings import BundleSettings
from agent.config import Config
from agent.errors import BundleError, ConfigError
from agent.phrase import Phrase
from agent.setting_values import convert, flat
from agent.toml_lines import find_line

HARMLESS = frozenset(
    {
        "aliases",
        "chat_quota",
        "context",
        "embeddings",
        "engine",
        "fetch_models",
        "least_speed",
        "log_level",
        "micro_batch",
        "mqtt_interval",
        "mqtt_window",
        "parallel",
        "prefer",
        "profile",
        "prompt_cache",
        "queue",
        "step_timeout",
        "threads",
        "use",
    }
)
"""What every update may change: nobody gets in by it, nothing is sent elsewhere, no file or program is named."""

_NEVER = frozenset(BundleSettings.__struct_fields__) - frozenset(BundleSettings.__base__.__struct_fields__)  # type: ignore[union-attr]  # its base is a struct


def settings_of(text: str, config: Config) -> dict[str, Any]:
    """Return the settings that an update brings.

    Raises:
        BundleError: one cannot be used, or may not be changed by an update here.
    """
    try:
        given = flat(tomllib.loads(text))
        for name, value in given.items():
            convert(Config, name, value, "update")
    except (ValueError, ConfigError, RecursionError) as error:  # a number of too many digits is a ValueError
        raise BundleError(
            Phrase("bundles.bad_settings", "Its settings cannot be used: {error}", error=str(error))
        ) from error
    allowed = (HARMLESS | set(config.bundle_settings)) - _NEVER
    if refused := sorted(set(given) - allowed):
        raise BundleError(
            Phrase(
                "bundles.settings_refused",
                "It wants to change {names}, which updates may not.",
                names=", ".join(refused),
            ),
            hint=Phrase("bundles.settings_refused_hint", "the owner can allow it with the setting `bundle_settings`"),
        )
    return given


def merge(file: Path, given: Mapping[str, Any]) -> str:
    """Return the content of a configuration file with these settings; the rest of it, also comments, stays.

    Raises:
        BundleError: the file cannot be read, or is written in a way that only a person can change.
    """
    try:
        text = file.read_text(encoding="utf-8")
        before = flat(tomllib.loads(text))
        merged = "\n".join([*(f"{name} = {_written(value)}" for name, value in given.items()), _without(text, given)])
        if flat(tomllib.loads(merged)) == {**before, **given}:
            return merged
    except (OSError, ValueError, RecursionError) as error:
        raise _cannot(file, str(error)) from error
    raise _cannot(file, ", ".join(given))


def _without(text: str, names: Mapping[str, Any]) -> str:
    """Return a file without the lines of these settings."""
    paths = [path for path in _paths(tomllib.loads(text)) if "_".join(path) in names]
    dropped = {find_line(text, path) for path in paths}
    return "".join(line for number, line in enumerate(text.splitlines(keepends=True), 1) if number not in dropped)


def _paths(table: Mapping[str, Any], above: Sequence[str] = ()) -> Iterator[list[str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _paths(value, [*above, key])
        else:
            yield [*above, key]


def _written(value: object) -> str:
    """Return a value as TOML has it, which for what settings can be is how JSON has it."""
    return msgspec.json.encode(value).decode()


def _cannot(file: Path, why: str) -> BundleError:
    return BundleError(
        Phrase("bundles.unmergeable", "The settings cannot be written into {file}: {why}.", file=file, why=why)
    )
