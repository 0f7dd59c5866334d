"""Reports to one broker: says who the device is and how it does, has what waited sent, passes on what comes in."""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Sequence

import msgspec

from agent.errors import RefusedError, TelemetryError
from agent.telemetry import catalogue, configured
from agent.telemetry.birth import birth
from agent.telemetry.clock import Clock
from agent.telemetry.courier import Courier, Pace
from agent.telemetry.home_assistant import HomeAssistant
from agent.telemetry.host import Host
from agent.telemetry.link import LinkStatus
from agent.telemetry.link.link import Link
from agent.telemetry.message import Incoming, Outgoing
from agent.telemetry.orders import Orders
from agent.telemetry.outbox import Limits, Outbox, OutboxStats
from agent.telemetry.payloads import Birth, JobStatus, State
from agent.telemetry.reading import Backlog, Reading, Uplink
from agent.telemetry.sparkplug.metrics import metrics
from agent.telemetry.topics import Topics
from agent.telemetry.watch import Watch
from agent.waiting import end, wait_at_most

logger = logging.getLogger(__name__)

_STALE = 3  # intervals after which the broker forgets the state


class Reporter:
    """First `open`, before a model is loaded, then `start`; at the end `close`. Its link tells it what happens."""

    def __init__(self, host: Host) -> None:
        """Plan the reports.

        Raises:
            ConfigError: the broker's address cannot be used.
        """
        config = host.config
        self.boot = secrets.token_hex(4)
        self.clock = Clock(config.state_dir / "clock.json")
        self._interval: float | None = None
        self._other_interval = asyncio.Event()
        self.topics = Topics(config.mqtt_prefix, config.mqtt_id or host.id)
        self.outbox = Outbox(config.state_dir / "outbox.db", Limits.of(config), self.clock, self.boot)
        self._host = host
        self._orders = Orders(host, self, self.topics, self.outbox)
        self._home = configured.home_assistant(config, self.topics)
        self._courier = Courier(self.outbox, self.topics, Pace.of(self.interval))
        self._watch = Watch()
        self._born: Birth | None = None  # what the broker has been told
        self._offered: tuple[Sequence[str], str] = ([], "")  # models, and the better one, that Home Assistant knows
        address = configured.address(config, self.topics)
        listening = [
            *self.topics.subscriptions(config.mqtt_groups),
            *(self._home.subscriptions() if self._home else ()),
        ]
        self._link = Link(address, self, will=self._status(b"offline"), subscriptions=listening)
        self._node = configured.sparkplug(config, self.topics, self.clock)
        self._shipper = configured.shipper(config, self.ship)
        self._tasks: set[asyncio.Task[None]] = set()
        self._connected: set[asyncio.Task[None]] = set()  # what goes on while there is a connection
        self._renewing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Find what earlier runs of the daemon have left.

        Raises:
            StoreError: app.db cannot be read.
        """
        await self.outbox.open()
        await self._orders.open()

    async def start(self) -> None:
        """Begin to connect and to report; never waits for the network."""
        await self.outbox.append("event", event="started", data={"agent": self._host.health().version})
        if self._shipper is not None:
            logging.getLogger().addHandler(self._shipper)
        work = [self._link.run(), self._report(), *([self._node.run()] if self._node else [])]
        self._tasks = {asyncio.create_task(part, name="telemetry") for part in work}

    async def close(self) -> None:
        """Say goodbye, and write down what has not been sent."""
        if self._shipper is not None:
            logging.getLogger().removeHandler(self._shipper)
        if self._node is not None:
            await self._node.close()
        await self._link.close(self._status(b"offline"))
        await end(self._connected | self._tasks)
        await self._orders.close()
        await self.outbox.close()

    async def connected(self, link: Link, session_present: bool) -> None:  # noqa: FBT001 - MQTT's own flag
        """Say who is there, then let history follow."""
        logger.debug("The broker %s this device", "remembers" if session_present else "does not know")
        await self.rebirth()
        self._connected.add(asyncio.create_task(self._courier.run(link), name="courier"))
        await self._orders.connected(link)

    async def disconnected(self, reason: str) -> None:
        """End what needs a connection."""
        logger.debug("The connection to the broker has ended: %s", reason)
        ending, self._connected, self._born = self._connected, set(), None
        await self._orders.disconnected()
        await end(ending)

    async def received(self, message: Incoming) -> None:
        """Pass a message on to whom it is for."""
        if self._home is not None and self._home.starts(message):
            message.acknowledge()
            self._connected.add(asyncio.create_task(self._introduce_later(self._home), name="home assistant"))
        else:
            await self._orders.received(message, self._link)

    async def rebirth(self) -> None:
        """Publish again who the device is and how it is: status, birth, Home Assistant, state.

        Raises:
            LinkDownError: the connection has ended.
        """
        reading = self._host.reading()
        self._born = born = self._birth(reading)
        birth = msgspec.json.encode(born, enc_hook=str)
        await self._publish(self._status(b"online"))
        await self._publish(Outgoing(self.topics.own("birth"), birth, retain=True))
        if self._home is not None:
            await self._introduce(self._home, born)
        self._tell(reading)

    @property
    def interval(self) -> float:
        """Seconds between two reports."""
        return self._interval or self._host.config.mqtt_interval

    def set_interval(self, seconds: float | None) -> None:
        """Report so often from now on; None: as the configuration says."""
        self._interval = seconds
        self._other_interval.set()

    def link_status(self) -> LinkStatus:
        """Return how the connection to the broker is."""
        return self._link.status

    def outbox_stats(self) -> OutboxStats:
        """Return how much waits for it."""
        return self.outbox.stats()

    def jobs(self) -> list[tuple[str, JobStatus]]:
        """Return the ids and the positions of all jobs."""
        return self._orders.jobs()

    def backlog(self) -> Backlog:
        """Return how much waits, as metrics have it."""
        stats = self.outbox.stats()
        age = max(0.0, self.clock.now().ts - stats.oldest_ts) / 1000 if stats.oldest_ts else 0.0
        return Backlog(stats.rows, stats.bytes, age, stats.dropped)

    def uplink(self) -> Uplink:
        """Return what metrics say of the connection."""
        return Uplink(self._link.status.state == "connected", self._link.status.reconnects)

    def ship(self, level: str, text: str) -> None:
        """Take a line of the log."""
        task = asyncio.create_task(self._append_log(level, text), name="log line")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _append_log(self, level: str, text: str) -> None:
        await self.outbox.append("log", level=level, text=text)

    async def _report(self) -> None:
        """Look at the device, now and after every interval, whatever became of the last report."""
        due = time.monotonic()
        while True:
            try:
                await self._look()
            except TelemetryError as error:  # the next connection begins with what this one was not told
                logger.debug("A report was not sent: %s", error.message)
            except Exception:  # the top of this task: nobody else would hear of it
                logger.exception("A report could not be made")
            due = max(due + self.interval, time.monotonic())
            await wait_at_most(self._other_interval, due - time.monotonic())
            self._other_interval.clear()
            due = min(due, time.monotonic())

    async def _look(self) -> None:
        reading = self._host.reading()
        for event, data in self._watch.look(reading):
            await self.outbox.append("event", event=event, data=data)
        await self.outbox.append("telemetry", values=catalogue.history(reading))
        born = self._birth(reading)
        if self._node is not None:
            await self._node.tell(metrics(born, catalogue.values(reading)))
        if self._born is None or not self._connected:
            return
        self._tell(reading)
        if self._renewing is None or self._renewing.done():  # a slow broker must not hold up the next look
            self._renewing = asyncio.create_task(self._renew(born, self._born), name="what has changed")
            self._connected.add(self._renewing)
            self._renewing.add_done_callback(self._connected.discard)

    async def _renew(self, born: Birth, before: Birth) -> None:
        """Publish what is worth it because it has changed."""
        try:
            await self._orders.look()
            if _lasting(born) != _lasting(before):
                await self.rebirth()
            elif self._home is not None and self._choice() != self._offered:
                await self._introduce(self._home, born)
        except TelemetryError as error:  # the next connection begins with what this one was not told
            logger.debug("A report was not sent: %s", error.message)
        except Exception:  # the top of this task: nobody else would hear of it
            logger.exception("What has changed could not be reported")

    def _tell(self, reading: Reading) -> None:
        """Replace the state that the broker has. If it cannot go now, the next one does."""
        state = State(self.clock.now().ts, catalogue.values(reading))
        payload = msgspec.json.encode(state, enc_hook=str)
        expiry = _STALE * self.interval
        self._link.offer(Outgoing(self.topics.own("state"), payload, qos=0, retain=True, expiry=expiry))

    def _birth(self, reading: Reading) -> Birth:
        stamp, commands = self.clock.now(), self._orders.commands()
        return birth(self._host, self.topics, reading, stamp, boot=self.boot, interval=self.interval, commands=commands)

    async def _introduce(self, home: HomeAssistant, born: Birth) -> None:
        self._offered = self._choice()
        for message in home.introduction(born, *self._offered):
            await self._publish(message)

    async def _introduce_later(self, home: HomeAssistant) -> None:
        await asyncio.sleep(home.patience())
        with contextlib.suppress(TelemetryError):
            await self._introduce(home, self._birth(self._host.reading()))
            self._tell(self._host.reading())

    def _choice(self) -> tuple[Sequence[str], str]:
        return [model.name for model in self._host.models.installed()], _better(self._host)

    async def _publish(self, message: Outgoing) -> None:
        """Publish what is worth telling by itself: that the broker forbids it is no reason not to tell the rest."""
        with contextlib.suppress(RefusedError):  # the link has noted it, for people
            await self._link.publish(message)

    def _status(self, status: bytes) -> Outgoing:
        return Outgoing(self.topics.own("status"), status, retain=True, content_type="text/plain")


def _better(host: Host) -> str:
    """Return the model that would serve if the choice was ours; empty: the one that does, or nobody knows."""
    state = host.selection()
    if state is None or state.selection.installed == state.serving:
        return ""
    return state.selection.installed or state.selection.model


def _lasting(born: Birth) -> Birth:
    """Return what of a birth is worth another one when it changes."""
    return msgspec.structs.replace(born, ts=0, ts_q="ntp")
