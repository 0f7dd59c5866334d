"""The parts of telemetry that the settings may leave out, or say something about."""

import logging
from collections.abc import Callable

from agent.config import Config
from agent.telemetry.clock import Clock
from agent.telemetry.home_assistant import HomeAssistant
from agent.telemetry.link.address import Address
from agent.telemetry.logs import Shipper
from agent.telemetry.sparkplug.node import EdgeNode
from agent.telemetry.topics import Topics


def address(config: Config, topics: Topics) -> Address:
    """Return where the broker is, and as whom to sign in."""
    files = (config.mqtt_password(), config.mqtt_ca, config.mqtt_cert, config.mqtt_key)
    return Address(config.mqtt_url, topics.device, config.mqtt_username, *files)


def home_assistant(config: Config, topics: Topics) -> HomeAssistant | None:
    """Return what tells Home Assistant; None: nobody is to."""
    prefix = config.mqtt_home_assistant
    return HomeAssistant(prefix, topics, config.state_dir / "home-assistant.json") if prefix else None


def sparkplug(config: Config, topics: Topics, clock: Clock) -> EdgeNode | None:
    """Return the second connection, for Sparkplug B; None: there is to be none.

    Raises:
        ConfigError: the broker's address cannot be used.
    """
    if not config.mqtt_sparkplug:
        return None
    return EdgeNode(
        address(config, topics),
        group=config.mqtt_sparkplug,
        device=topics.device,
        memory=config.state_dir / "sparkplug.json",
        now=lambda: clock.now().ts,
    )


def shipper(config: Config, send: Callable[[str, str], None]) -> Shipper | None:
    """Return what passes on lines of the log; None: they stay here."""
    level = config.mqtt_logs
    return Shipper(logging.getLevelNamesMapping()[level.upper()], send) if level != "off" else None
