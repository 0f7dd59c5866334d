"""The edge node: is born with each connection, tells what changes, and dies with the connection."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from agent.errors import InputError, TelemetryError
from agent.telemetry.link import LinkStatus
from agent.telemetry.link.address import Address
from agent.telemetry.link.link import Link
from agent.telemetry.link.pace import Pace
from agent.telemetry.message import Incoming, Outgoing
from agent.telemetry.sparkplug.births import Births
from agent.telemetry.sparkplug.payload import BD_SEQ, REBIRTH, DataType, Metric, encode, wants_rebirth

logger = logging.getLogger(__name__)

_NUMBERS = 256


class EdgeNode:
    """A device that is told of by Sparkplug B, over a connection of its own: a connection has one will only.

    Args:
        address: of the broker; the client id gets the ending `-spb`.
        group: of Sparkplug.
        device: id of the edge node.
        memory: file in which the number of the session is kept.
        now: returns the time in milliseconds since 1970, UTC.
        pace: how long to wait for what.
    """

    def __init__(  # noqa: PLR0913 - where to, as whom, and what it needs
        self,
        address: Address,
        *,
        group: str,
        device: str,
        memory: Path,
        now: Callable[[], int],
        pace: Pace | None = None,
    ) -> None:
        """Plan the connection.

        Raises:
            ConfigError: the address cannot be used.
        """
        self._group, self._device, self._now = group, device, now
        self._births = Births(memory)
        self._current: dict[str, Metric] = {}  # the newest values
        self._told: dict[str, Metric] = {}  # what those who listen know; empty: nothing, not even that we live
        self._open = False  # whether there is a session
        self._seq = 0
        self._link = Link(
            _second(address),
            self,
            will=self._will,
            will_delay=0,
            subscriptions=[self._topic("NCMD")],
            clean=True,
            session_expiry=0,
            pace=pace,
        )

    @property
    def status(self) -> LinkStatus:
        """How the connection is."""
        return self._link.status

    async def run(self) -> None:
        """Connect, and again after every end, until cancelled or closed."""
        await self._link.run()

    async def tell(self, metrics: Iterable[Metric]) -> None:
        """Tell the newest values: those that differ from what was told, or all of them where a metric is new."""
        self._current = {metric.name: metric for metric in metrics}
        if not self._open:
            return
        if _kinds(self._current) != _kinds(self._told):
            await self._be_born()
            return
        changed = [metric for name, metric in self._current.items() if metric != self._told[name]]
        seq = (self._seq + 1) % _NUMBERS
        if changed and self._link.offer(self._message("NDATA", changed, seq)):
            self._told, self._seq = self._current, seq

    async def close(self) -> None:
        """Die in good order, within seconds."""
        self._open = False
        await self._link.close(self._death(), with_will=True)

    async def connected(self, _link: Link, _session_present: bool) -> None:  # noqa: FBT001 - the listener's
        """Be born, as soon as there is something to tell."""
        await asyncio.to_thread(self._births.begin)
        self._open = True
        await self._be_born()

    async def disconnected(self, _reason: str) -> None:
        """Be silent until the next birth."""
        self._open = False

    async def received(self, message: Incoming) -> None:
        """Follow a command: the only one is to be born again, in the same session."""
        message.acknowledge()
        try:
            wanted = wants_rebirth(message.payload)
        except InputError as error:
            logger.warning("A command of Sparkplug cannot be read: %s", error.message)
            return
        if wanted:
            await self._be_born()

    async def _be_born(self) -> None:
        """Tell everything. What is told later leaves later, since the link keeps the order."""
        self._told, self._seq = self._current, 0
        if not self._current:
            return
        control = [
            Metric(BD_SEQ, DataType.INT64, self._births.number),
            Metric(REBIRTH, DataType.BOOLEAN, value=False),
        ]
        try:
            await self._link.publish(self._message("NBIRTH", [*control, *self._current.values()], 0))
        except TelemetryError as error:
            self._told = {}
            logger.debug("There was no birth: %s", error.message)

    def _will(self) -> Outgoing:
        """Return the death of a new session; called in the thread of each connection, before it is made."""
        self._births.plan()
        return self._death()

    def _death(self) -> Outgoing:
        number = Metric(BD_SEQ, DataType.INT64, self._births.number)
        return replace(self._message("NDEATH", [number], None), qos=1)

    def _message(self, verb: str, metrics: Iterable[Metric], seq: int | None) -> Outgoing:
        payload = encode(self._now(), metrics, seq)
        return Outgoing(self._topic(verb), payload, qos=0, content_type="")

    def _topic(self, verb: str) -> str:
        return f"spBv1.0/{self._group}/{verb}/{self._device}"


def _kinds(metrics: dict[str, Metric]) -> dict[str, DataType]:
    return {name: metric.type for name, metric in metrics.items()}


def _second(address: Address) -> Address:
    """Return the address for another connection of the same device, under the same user name."""
    known = address.username or address.endpoint().username
    username = known or (address.client_id if address.password_file else "")
    return replace(address, client_id=f"{address.client_id}-spb", username=username)
