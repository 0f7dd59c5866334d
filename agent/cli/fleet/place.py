"""Which broker the commands for a fleet talk to: the one that this device reports to, unless they are told."""

import argparse
import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from agent.config import Config
from agent.errors import ConfigError, LinkDownError
from agent.telemetry.message import Incoming

if TYPE_CHECKING:
    from agent.telemetry.link.link import Link

_QUEUE = 1_000_000  # messages; what is retained of a large fleet comes all at once
_LOOK = 0.05  # seconds between two looks at a connection that is being made
_FLAGS = (
    ("--broker", "mqtt_url", "URL", "broker, as mqtt://HOST[:PORT] or mqtts://HOST[:PORT]"),
    ("--prefix", "mqtt_prefix", "TOPIC", "beginning of all topics"),
    ("--username", "mqtt_username", "NAME", "name to sign in with"),
    ("--password-file", "mqtt_password_file", "FILE", "file with the password"),
    ("--ca", "mqtt_ca", "FILE", "certificates to trust, PEM"),
    ("--cert", "mqtt_cert", "FILE", "certificate to sign in with, PEM"),
    ("--key", "mqtt_key", "FILE", "private key to it, PEM"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what says where the broker is; these are the device's own settings under shorter names."""
    group = parser.add_argument_group("broker", "by default that of this device, as `edgewise config` shows it")
    for flag, setting, metavar, text in _FLAGS:
        group.add_argument(flag, dest=setting, metavar=metavar, help=text)


class Ears:
    """The listener of a link: passes every message on, and knows whether there is a connection."""

    def __init__(self, heard: Callable[[Incoming], None]) -> None:
        self._heard = heard
        self._ready = asyncio.Event()

    async def connected(self, link: "Link", session_present: bool) -> None:  # noqa: ARG002, FBT001 - MQTT's own flag
        """Let those go on who wait for a connection."""
        self._ready.set()

    async def disconnected(self, reason: str) -> None:  # noqa: ARG002 - the link itself keeps it
        """Have them wait for the next one."""
        self._ready.clear()

    async def received(self, message: Incoming) -> None:
        """Pass a message on."""
        message.acknowledge()
        self._heard(message)

    async def wait(self, link: "Link") -> None:
        """Wait until there is a connection.

        Raises:
            LinkDownError: the first try has failed; says why.
        """
        while not self._ready.is_set():
            if link.status.state in {"waiting", "refused"}:
                raise LinkDownError(link.status.reason, hint=link.status.hint)
            await asyncio.sleep(_LOOK)


@asynccontextmanager
async def listening(
    config: Config, topics: Sequence[str], heard: Callable[[Incoming], None]
) -> AsyncIterator[tuple["Link", Ears]]:
    """Listen to topics while the block runs, and connect again whenever the connection ends.

    Raises:
        ConfigError: no broker is known, or its address cannot be used.
    """
    from agent.telemetry.link.address import Address
    from agent.telemetry.link.link import Link

    if not config.mqtt_url:
        raise ConfigError("No broker is known.", hint="Name it: --broker mqtt://HOST, or set mqtt_url.")
    logging.getLogger("agent.telemetry").addHandler(logging.NullHandler())  # what is wrong is shown, not logged
    address = Address(
        config.mqtt_url,
        f"edgewise-fleet-{secrets.token_hex(4)}",
        config.mqtt_username or config.mqtt_id,
        config.mqtt_password_file,
        config.mqtt_ca,
        config.mqtt_cert,
        config.mqtt_key,
    )
    ears = Ears(heard)
    link = Link(address, ears, will=None, subscriptions=topics, qos=0, clean=True, waiting=_QUEUE)
    running = asyncio.create_task(link.run())
    try:
        yield link, ears
        await link.close()
    finally:
        running.cancel()
        await asyncio.wait([running])
