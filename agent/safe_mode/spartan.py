"""The settings of the second level of safe mode: what the pages can do without is off."""

from collections.abc import Mapping

from msgspec.structs import replace

from agent.config import Config
from agent.device import DeviceSettings
from agent.safe_mode.safe_mode import SafeMode

_PLACE = "safe mode"
_OFF: Mapping[str, object] = {"mqtt_url": "", "discovery": False, "embeddings": "off"}


class Spartan:
    """Takes some settings away on that level, and gives them back.

    Args:
        safe_mode: says which level it is.
        config: the settings of the start.
        origins: for each where its value came from.
    """

    def __init__(self, safe_mode: SafeMode, config: Config, origins: Mapping[str, str]) -> None:
        self._safe_mode = safe_mode
        self._config = config
        self._origins = origins

    def begin(self) -> tuple[Config, Mapping[str, str]]:
        """Return the settings to begin with, and where they come from."""
        return self._without(self._config) if self._safe_mode.level > 1 else (self._config, self._origins)

    def follow(self, settings: DeviceSettings) -> None:
        """Have the settings in force that belong to the level; pages cannot change what is taken away."""
        if self._safe_mode.level > 1:
            settings.follow(*self._without(settings.given))
        else:
            given = {name: getattr(self._config, name) for name in _OFF}
            settings.follow(replace(settings.given, **given), self._origins)

    def _without(self, config: Config) -> tuple[Config, Mapping[str, str]]:
        return replace(config, **_OFF), {**self._origins, **dict.fromkeys(_OFF, _PLACE)}
