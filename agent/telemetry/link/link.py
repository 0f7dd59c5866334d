"""The link to the broker: connects, says how it is, and connects again."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from agent.errors import EdgewiseError, LinkDownError, RefusedError, TelemetryError
from agent.telemetry.link import LinkStatus, trouble
from agent.telemetry.link.address import Address
from agent.telemetry.link.connection import Connection
from agent.telemetry.link.hello import Hello
from agent.telemetry.link.pace import Backoff, Pace
from agent.telemetry.link.packets import WAITING
from agent.telemetry.link.trouble import Trouble
from agent.telemetry.message import Incoming, Outgoing

logger = logging.getLogger(__name__)

_SUSPICIOUS = 2  # short connections in a row


class Listener(Protocol):
    """Who is told of a link, in the event loop. What goes wrong in there is logged, and costs no connection."""

    async def connected(self, link: "Link", session_present: bool) -> None:  # noqa: FBT001 - MQTT's own flag
        """Say hello. Messages that arrive wait until this has returned, so start what takes long as a task."""
        ...

    async def disconnected(self, reason: str) -> None:
        """Take note that a connection has ended."""
        ...

    async def received(self, message: Incoming) -> None:
        """Take care of a message; one at a time, in order. It comes again in a later connection if not acknowledged."""
        ...


class Link:
    """A connection that is made again whenever it ends. Messages do not wait in it: that is the outbox's part.

    Attributes:
        status: how it is, for people.
    """

    def __init__(  # noqa: PLR0913 - all but two are options of the protocol
        self,
        address: Address,
        listener: Listener,
        *,
        will: Outgoing | Callable[[], Outgoing] | None,
        will_delay: float = 30.0,
        subscriptions: Sequence[str] = (),
        qos: int = 1,
        clean: bool = False,
        session_expiry: int = 86400,
        pace: Pace | None = None,
        waiting: int = WAITING,
    ) -> None:
        """Plan a link.

        Args:
            address: where to, and as whom.
            listener: who is told.
            will: what the broker publishes when we are gone without a word; a function, called in another thread, makes
                one for each connection; None: nothing.
            will_delay: seconds that we may be away before it does.
            subscriptions: topics to listen to.
            qos: of these; 0: as fast as can be, since brokers bound the queue of those who have to acknowledge.
            clean: the broker is to forget us with each connection.
            session_expiry: seconds for which it is to keep messages for us.
            pace: how long to wait for what.
            waiting: arrived messages that may wait for the listener; more are left to the broker, or lost with QoS 0.

        Raises:
            ConfigError: the address cannot be used.
        """
        self._pace = pace or Pace()
        self._hello = Hello(
            address, will, will_delay, clean, session_expiry, version5=True, pace=self._pace, waiting=waiting
        )
        self._place = address.endpoint()
        self._listener = listener
        self._subscriptions, self._qos = list(subscriptions), qos
        self._backoff = Backoff(self._pace)
        self._connection: Connection | None = None
        self._closing = asyncio.Event()
        self._surely_old = False  # the broker has said that it does not speak MQTT 5
        self._connects = 0
        self._short = 0  # connections in a row that ended too soon
        self._logged = ""  # trouble is told once, not at each try
        self.status = LinkStatus("connecting", time.monotonic())

    @property
    def window(self) -> int:
        """QoS 1 messages that may be unacknowledged at a time."""
        connection = self._connection
        return connection.window if connection and connection.opened.done() else 0

    async def publish(self, message: Outgoing) -> None:
        """See `Publisher.publish`."""
        if self._connection is None:
            raise LinkDownError(self.status.reason or str(trouble.lost().reason))
        try:
            await self._connection.publish(message)
        except RefusedError as error:
            self.status = replace(self.status, reason=error.message, hint=error.hint)
            raise

    def offer(self, message: Outgoing) -> bool:
        """See `Publisher.offer`."""
        return self._connection is not None and self._connection.offer(message)

    async def run(self) -> None:
        """Connect, and again after every end, until cancelled or closed. To be called once."""
        try:
            while not self._closing.is_set():
                await self._try()
        finally:
            if self._connection:
                self._connection.drop(trouble.CLOSED)

    async def close(self, farewell: Outgoing | None = None, *, with_will: bool = False) -> None:
        """Publish a last message and disconnect, while `run` still runs; both within seconds.

        If the broker does not take the message, it is left to publish the will.

        Args:
            farewell: the message.
            with_will: have the broker publish the will in any case, where the protocol has words for that.
        """
        self._closing.set()
        connection = self._connection
        if connection is None:
            return
        if connection.opened.done() and await self._said(connection, farewell):
            connection.disconnect(with_will=with_will)
        else:
            connection.drop(trouble.CLOSED)
        await asyncio.wait([connection.ended], timeout=1)

    async def _said(self, connection: Connection, farewell: Outgoing | None) -> bool:
        if farewell is None:
            return True
        try:
            async with asyncio.timeout(self._pace.farewell):
                await connection.publish(farewell)
        except (TimeoutError, TelemetryError):
            return False
        return True

    async def _try(self) -> None:
        """Live through one connection, and the wait after it."""
        self.status = replace(self.status, state="connecting", since=time.monotonic(), next_try=0.0)
        self._connection = connection = Connection(self._hello)
        reason, lived = await self._live(connection)
        self._connection = None
        if self._closing.is_set() or self._another_version(reason):
            return
        await self._wait(self._judged(reason, lived), lived)

    async def _live(self, connection: Connection) -> tuple[Trouble, float]:
        """Return why a connection ended, and how many seconds it was open."""
        begun: list[asyncio.Future[Any]] = [connection.opened, connection.ended]
        await asyncio.wait(begun, timeout=self._pace.patience, return_when=asyncio.FIRST_COMPLETED)
        if not any(future.done() for future in begun):
            connection.drop(trouble.silent(self._place))
        if not connection.opened.done():
            return connection.ended.result(), 0.0
        start = time.monotonic()
        listening = asyncio.create_task(self._listen(connection))
        try:
            reason = await connection.ended
        finally:
            listening.cancel()
        await asyncio.wait([listening])
        await self._tell(self._listener.disconnected(reason.reason))
        return reason, time.monotonic() - start

    async def _listen(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(self._pace.patience):
                denied = await connection.subscribe(self._subscriptions, self._qos) if self._subscriptions else []
        except TimeoutError:
            connection.drop(trouble.silent(self._place))
            return
        except LinkDownError:
            return
        self._connected(denied)
        await self._tell(self._listener.connected(self, connection.opened.result()))
        while True:
            await self._tell(self._hand_over(await connection.receive()))

    async def _hand_over(self, message: Incoming) -> None:
        try:
            await self._listener.received(message)
        except EdgewiseError:
            raise
        except Exception:
            message.acknowledge()  # it would come again with each connection, and fare no better
            raise

    def _connected(self, denied: list[str]) -> None:
        complaint = trouble.denied_topics(denied) if denied else Trouble("")
        self.status = LinkStatus(
            "connected",
            time.monotonic(),
            complaint.reason,
            complaint.hint,
            protocol="5" if self._hello.version5 else "3.1.1",
            reconnects=self._connects,
        )
        self._connects += 1
        logger.info("Connected to the broker at %s (MQTT %s)", self._place, self.status.protocol)
        if denied:
            logger.warning("%s %s", complaint.reason, complaint.hint)

    async def _tell(self, telling: Awaitable[None]) -> None:
        try:
            await telling
        except LinkDownError:
            logger.debug("The connection ended while its beginning or a message was dealt with")
        except EdgewiseError as error:
            logger.warning("%s %s", error.message, error.hint)
        except Exception:
            logger.exception("What the broker's connection led to went wrong")

    def _another_version(self, reason: Trouble) -> bool:
        """Choose the version of MQTT for the next try, and tell whether that should be made at once."""
        version5 = self._hello.version5
        if version5 and reason.older != "no":
            self._surely_old = reason.older == "surely"
            self._hello = replace(self._hello, version5=False)
            return True
        if not version5 and (reason.older != "no" or not self._surely_old):
            self._hello = replace(self._hello, version5=True)
        return False

    def _judged(self, reason: Trouble, lived: float) -> Trouble:
        """Return what to tell people: in MQTT 3.1.1 nobody says that another device uses our id."""
        self._short = self._short + 1 if reason.plain and lived < self._pace.settled else 0
        return trouble.short_lived(self._hello.address.client_id) if self._short >= _SUSPICIOUS else reason

    async def _wait(self, reason: Trouble, lived: float) -> None:
        seconds = self._backoff.after(refused=reason.refused, lived=lived)
        if reason.reason != self._logged or lived >= self._pace.settled:
            logger.warning("%s %s", reason.reason, reason.hint)
            self._logged = reason.reason
        now = time.monotonic()
        self.status = replace(
            self.status,
            state="refused" if reason.refused else "waiting",
            since=now,
            reason=reason.reason,
            hint=reason.hint,
            next_try=now + seconds,
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()
