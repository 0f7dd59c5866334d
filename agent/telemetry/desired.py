"""The desired state: what a hub wants of the device is merged, kept, applied, and answered with how the device is."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import msgspec
from sqlite_utils import Database

from agent.errors import StoreError, TelemetryError
from agent.store import Store
from agent.telemetry import payloads
from agent.telemetry.host import Host, Reports
from agent.telemetry.link import Publisher
from agent.telemetry.message import Incoming, Outgoing
from agent.telemetry.topics import Topics
from agent.telemetry.wanted import actual, apply_lasting, apply_passing, checked, merged
from agent.waiting import end

logger = logging.getLogger(__name__)

_ROW = "desired"  # of the table `device`
_LARGEST = 64 * 1024  # bytes
_WHOLE = "*"  # stands for the whole state among errors by key


class Kept(msgspec.Struct, frozen=True):
    """What is kept on disk.

    Attributes:
        rev: of the last desired state; -1: there was none.
        state: everything that is desired.
        applied: whether all of it was tried.
        errors: what could not be applied, by key.
    """

    rev: int = -1
    state: dict[str, Any] = {}
    applied: bool = True
    errors: dict[str, str] = {}


class Desired:
    """Follows the desired state, and tells how the device really is."""

    def __init__(self, host: Host, reports: Reports, topics: Topics) -> None:
        self._host = host
        self._reports = reports
        self._topic, self._answer = topics.own("desired"), topics.own("reported")
        self._kept = Kept()
        self._publisher: Publisher | None = None
        self._told: payloads.Reported | None = None
        self._task: asyncio.Task[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()

    def mine(self, topic: str) -> bool:
        """Tell whether a message is for this."""
        return topic == self._topic

    async def open(self) -> None:
        """Recall what was desired, and apply what only this run can know."""
        self._kept = await _load(self._host.store)
        if self._kept.rev >= 0 and await self._owned():
            apply_passing(checked(self._kept.state)[0], self._host, self._reports)

    async def connected(self, publisher: Publisher) -> None:
        """Tell how the device is, and go on with what was not applied yet."""
        self._publisher, self._told = publisher, None
        await self.look()

    async def received(self, message: Incoming, publisher: Publisher) -> None:
        """Take a desired state; it is acknowledged once it is kept."""
        self._publisher = publisher
        try:
            desired = _decoded(message.payload)
        except msgspec.DecodeError as error:
            logger.warning("A desired state cannot be read: %s", error)
            self._spawn(self._tell({_WHOLE: f"It cannot be read: {error}."}))
        else:
            await self._follow(desired)
        message.acknowledge()

    async def look(self) -> None:
        """Publish how the device is if that has changed, and apply what waits for an owner; called now and then."""
        if not self._kept.applied and self._task is None and await self._owned():
            self._begin()
        await self._tell({})

    async def close(self) -> None:
        """End what is being applied; it is begun again after the restart."""
        await self._give_up()
        await end(self._telling)

    async def _give_up(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            await end([task])

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Tell without holding up what comes in next."""
        task = asyncio.create_task(work, name="reported")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _follow(self, desired: payloads.Desired | None) -> None:
        if desired is None or desired.rev <= self._kept.rev:  # taken back, or older, or known
            self._told = None
            self._spawn(self.look())
            return
        await self._give_up()
        self._kept = Kept(desired.rev, merged(self._kept.state, desired.state), applied=False)
        logger.info("Desired state %d: %s", desired.rev, ", ".join(desired.state) or "nothing")
        await self._keep()
        self._spawn(self.look())

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._apply(self._kept), name="desired state")
        self._task.add_done_callback(self._ended)

    async def _apply(self, kept: Kept) -> None:
        wanted, errors = checked(kept.state)
        apply_passing(wanted, self._host, self._reports)
        errors |= await apply_lasting(wanted, self._host, self._reports, _silent)
        self._kept = msgspec.structs.replace(kept, applied=True, errors=errors)
        await self._keep()
        self._told = None
        await self._tell({})

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._task is task:
            self._task = None
        if not task.cancelled() and (error := task.exception()):
            logger.error("The desired state could not be applied", exc_info=error)

    async def _owned(self) -> bool:
        return self._host.config.auth == "open" or await self._host.security.claim.claimed()

    async def _keep(self) -> None:
        row = {"key": _ROW, "value": msgspec.json.encode(self._kept, enc_hook=str).decode()}

        def change(database: Database) -> None:
            database.table("device").upsert(row, pk="key")

        try:
            await self._host.store.write(change)
        except StoreError as error:  # the broker has it as well
            logger.warning("The desired state is not kept: %s", error.message)

    def _reported(self, errors: dict[str, str]) -> payloads.Reported:
        errors = self._kept.errors | errors
        state = msgspec.to_builtins(actual(self._host, self._reports), enc_hook=str)
        return payloads.Reported(self._kept.rev, self._kept.applied and not errors, errors, state)

    async def _tell(self, errors: dict[str, str]) -> None:
        """Publish how the device is if that is news; without a connection, later."""
        reported = self._reported(errors)
        if self._publisher is None or reported == self._told:
            return
        try:
            payload = msgspec.json.encode(reported, enc_hook=str)
            await self._publisher.publish(Outgoing(self._answer, payload, retain=True))
            self._told = reported
        except TelemetryError as error:
            logger.debug("How the device is was not told: %s", error.message)


def _decoded(payload: bytes) -> payloads.Desired | None:
    """Return a desired state; None: it was taken back, which changes nothing."""
    if not payload:
        return None
    if len(payload) > _LARGEST:
        raise msgspec.DecodeError(f"{len(payload)} bytes; {_LARGEST} are the most")
    try:
        return msgspec.json.decode(payload, type=payloads.Desired)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error


async def _load(store: Store) -> Kept:
    def read(database: Database) -> str:
        row = database.execute("SELECT value FROM device WHERE key = ?", [_ROW]).fetchone()
        return str(row[0]) if row else "{}"

    try:
        return msgspec.json.decode(await store.read(read), type=Kept)
    except msgspec.DecodeError as error:
        logger.warning("What was desired of this device cannot be read: %s", error)
        return Kept()


async def _silent(message: str, figures: object) -> None:
    """Take note of how far a download is: the page of models and the metrics say it."""
