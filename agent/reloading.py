"""Following a changed configuration while the daemon runs, as far as that is possible."""

import logging
from collections.abc import Callable

import msgspec

from agent.config import Config, Resolved
from agent.device import DeviceSettings
from agent.errors import ConfigError

LIVE = frozenset(
    {
        "aliases",
        "fetch_models",
        "governor",
        "heat_limit",
        "hf_endpoint",
        "hf_token_file",
        "least_speed",
        "licences",
        "log_level",
        "mqtt_interval",
        "mqtt_say",
        "mqtt_window",
        "offline",
        "power_limit",
        "prefer",
        "pypi_index",
        "use",
    }
)
"""The settings that whoever needs them looks up anew; all others are used once, at the start."""


class Reloaded(msgspec.Struct, frozen=True):
    """What reading the configuration again has changed, by name of the setting.

    Attributes:
        changed: in force now.
        waiting: in force after the next start of the daemon.
    """

    changed: list[str]
    waiting: list[str]


def reload(settings: DeviceSettings, read: Callable[[], Resolved] | None) -> Reloaded:
    """Read the configuration again, and pass on what can be followed.

    Raises:
        ConfigError: it is wrong, and nothing was changed; or nobody knows where it came from.
    """
    if read is None:
        raise ConfigError("This daemon was started without a configuration that could be read again.")
    resolved, before = read(), settings.given
    different = {name for name in Config.__struct_fields__ if getattr(resolved.config, name) != getattr(before, name)}
    follow = sorted(different & LIVE)
    config = msgspec.structs.replace(before, **{name: getattr(resolved.config, name) for name in follow})
    settings.follow(config, resolved.origins)
    if "log_level" in follow:
        set_log_level(config.log_level)
    return Reloaded(follow, sorted(different - LIVE))


def set_log_level(level: str) -> None:
    """Log messages of this severity and above from now on, as one of the words of the setting `log_level`."""
    logging.getLogger().setLevel(level.upper())
