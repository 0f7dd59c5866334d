"""Where this computer throttles, as far as its firmware profile knows."""

import logging
from pathlib import Path

from agent.config import Config
from agent.errors import ConfigError
from agent.governor.looking import Limits
from agent.hardware import probe
from agent.profiles import built_in, load_profiles, match

logger = logging.getLogger(__name__)

_GENTLE = 70.0  # degrees Celsius; a lower limit is no danger: from 60 on a 3B+ is a seventh slower, less than a thread
_USUAL = Limits(80.0, 70.0)  # where nothing better is known


def find(config: Config, root: Path) -> Limits:
    """Return the limits of the profile that fits a computer; usual ones when none does."""
    try:
        profiles = load_profiles(built_in(), *config.directories("firmware-profiles"))
        named = [profile for profile in profiles if profile.name == config.profile]
        thermal = (named[0] if named else match(probe(root, storage=config.state_dir), profiles)).thermal
    except ConfigError as error:  # the steward says so where people see it
        logger.debug("No limits of temperature are known: %s", error.message)
        return _USUAL
    throttles = thermal.throttles.value
    return Limits(throttles, max(_GENTLE, thermal.warm.value)) if throttles >= _GENTLE else _USUAL
