"""Keeps the network told of this device: whenever it gets another address, name or model, and until it stops."""

import asyncio
import importlib
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from agent.discovery import Broker, DiscoveryStatus
from agent.discovery.facts import Facts
from agent.errors import DiscoveryError, EdgewiseError
from agent.hostnames import Address
from agent.phrase import Phrase

if TYPE_CHECKING:
    from agent.discovery.presence import Presence

logger = logging.getLogger(__name__)

_LOOK = 10.0  # seconds between two looks at addresses and facts: a cable is plugged in, a model has changed
_GOODBYE = 2.0  # seconds

_WAITING = DiscoveryStatus(
    "waiting",
    reason=Phrase(
        "discovery.waiting", "No network leads to this device: it has no address there, or listens to itself only."
    ),
)


class Discovery:
    """Announces the device. Nothing that goes wrong here ends anything else.

    Args:
        facts: returns what there is to say.
        addresses: returns where the device is reached; none: nowhere at the moment.
        interval: seconds between two looks at both.

    Attributes:
        status: how it stands.
        names: host names that we have answered for, which requests may name.
        on_name: called with the host name that leads here, whenever it has become another one.
    """

    def __init__(
        self,
        facts: Callable[[], Awaitable[Facts]],
        addresses: Callable[[], list[Address]],
        interval: float = _LOOK,
    ) -> None:
        self.status = DiscoveryStatus("off")
        self.names: frozenset[str] = frozenset()
        self.on_name: Callable[[str], None] | None = None
        self._facts = facts
        self._addresses = addresses
        self._interval = interval
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._presence: Presence | None = None
        self._place: tuple[list[Address], str] | None = None
        self._said = self._told = ""

    @property
    def name(self) -> str:
        """The host name that leads to this device; empty while none does."""
        return self.status.name

    def announce(self, port: int) -> None:
        """Announce what listens at a port, unless that goes on; 0: announce nothing any more."""
        if port and self._task is None:
            self.start(port)
        elif not port and self._task is not None:
            self._task.cancel()
            self._task = None

    def start(self, port: int) -> None:
        """Begin to announce what listens at a port."""
        self._task = asyncio.create_task(self._run(port), name="discovery")

    async def stop(self) -> None:
        """Say goodbye, within two seconds."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=_GOODBYE)
            self._task = None

    def update(self) -> None:
        """Look at once: something has changed that others are told."""
        self._changed.set()

    async def brokers(self, seconds: float = 1.0) -> list[Broker]:
        """Return the MQTT brokers that answer within some seconds; none while the device is not announced itself."""
        if self._presence is None:
            return []
        from agent.discovery.finding import brokers  # noqa: PLC0415 - zeroconf is loaded when it is used

        try:
            return await brokers(self._presence.zeroconf, seconds)
        except DiscoveryError:  # the network has just gone
            return []

    async def _run(self, port: int) -> None:
        try:
            while True:
                self._changed.clear()
                await self._look(port)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), self._interval)
        finally:
            await self._leave()
            self.status = DiscoveryStatus("off")

    async def _look(self, port: int) -> None:
        addresses = self._addresses()
        if not addresses:
            await self._leave()
            self.status = _WAITING
            return
        try:
            await self._announce(addresses, port, await self._facts())
        except EdgewiseError as error:
            await self._leave()
            self.status = DiscoveryStatus("failed", reason=error.message, hint=error.hint)
            self._say(logging.WARNING, f"Others in the network do not find this device: {error.message}")

    async def _announce(self, addresses: list[Address], port: int, facts: Facts) -> None:
        """Say what was not said yet. Another address or name is a new announcement; it is rare."""
        place, presence = (addresses, facts.name), self._presence
        if presence is None or place != self._place or presence.contested():
            await self._leave()
            await self._arrive(addresses, port, facts)
            self._place = place
        elif facts != presence.facts:
            await presence.update(facts)

    async def _arrive(self, addresses: list[Address], port: int, facts: Facts) -> None:
        await asyncio.to_thread(importlib.import_module, "agent.discovery.presence")  # while others are served
        from agent.discovery.presence import Presence  # noqa: PLC0415 - 5 MB that a daemon without discovery saves

        # What may be asked for as soon as the network knows of it.
        self.names |= {facts.unique_host, *facts.hosts()}
        self._presence = presence = await Presence.announce(addresses, port, facts)
        self.names = frozenset({facts.unique_host, presence.name})
        self.status = DiscoveryStatus("announced", presence.name)
        if presence.name != self._told and self.on_name is not None:
            self.on_name(presence.name)
        self._told = presence.name
        self._say(logging.INFO, f"This device is found in its network as {presence.name}.")

    async def _leave(self) -> None:
        presence, self._presence = self._presence, None
        if presence is not None:
            with suppress(DiscoveryError):  # the network may be gone
                await presence.close()

    def _say(self, level: int, text: str) -> None:
        """Log what is news."""
        if text != self._said:
            logger.log(level, "%s", text)
        self._said = text
