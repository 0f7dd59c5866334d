"""The jobs of this device: taken in, kept, carried out one after the other, and told about."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from agent import pinned
from agent.errors import ConfigError, EdgewiseError, StoreError
from agent.phrase import Phrase, joined
from agent.store import Store
from agent.telemetry.clock import Clock
from agent.telemetry.host import Host
from agent.telemetry.jobs.board import Board, status_of
from agent.telemetry.jobs.bundle import BundleUpdate, retreat_bundle
from agent.telemetry.jobs.record import CANCELED, ENDS, Record, Table
from agent.telemetry.jobs.retreat import keeps, retreat
from agent.telemetry.jobs.unproven import hold_back, release
from agent.telemetry.jobs.update import Update
from agent.telemetry.link import Publisher
from agent.telemetry.payloads import Job, JobState, JobStatus
from agent.telemetry.topics import Topics

logger = logging.getLogger(__name__)

_MOST, _LONGEST_ID, _LARGEST = 100, 64, 256 << 10  # jobs, characters, bytes
_LOOK_SECONDS = 0.1
_STUMBLE_SECONDS = 30.0  # before another try when the disk cannot be written


class Jobs:
    """First `resume`, then `work` as long as the device runs; `run` for each connection to the broker.

    Attributes:
        on_end: is called with the id and the last status of a job that has ended.
    """

    def __init__(self, host: Host, topics: Topics, store: Store, clock: Clock) -> None:
        self.on_end: Callable[[str, JobStatus], Awaitable[None]] | None = None
        self._host = host
        self._clock = clock
        self._table = Table(store)
        self._board = Board(topics, self._told)
        self._records: dict[str, Record] = {}
        self._news = asyncio.Event()
        self._ending = asyncio.Lock()
        self._current: Record | None = None
        self._task: asyncio.Task[None] | None = None

    async def resume(self) -> None:
        """Read where jobs stand, before a model is loaded.

        One on trial when the power went is not tried again, and one whose signature was not checked does not run.

        Raises:
            StoreError: app.db cannot be read.
        """
        for record in await self._table.load():
            self._records[record.id] = record
            if record.swapped and record.state in {"swap", "health", "rollback"}:
                self._distrust(record)
            elif record.ours and record.state != "commit" and not record.ended:
                hold_back(self._host, record)
        self._news.set()

    async def received(self, identifier: str, payload: bytes) -> None:
        """Take in a job as the hub has it now; an empty payload cancels it. Acknowledge the message after that.

        Raises:
            StoreError: it cannot be kept; the broker should send it again.
        """
        if not identifier.isprintable() or len(identifier) > _LONGEST_ID:
            logger.warning(
                "A job whose id has %d characters, or some that cannot be printed, is ignored", len(identifier)
            )
            return
        record = self._records.get(identifier)
        if not payload:
            await self._clear(record)
            return
        job, problem = _decode(payload)
        if record is None or (record.ended and _differs(record, job)):
            await self._accept(identifier, job, problem)
        elif record.ended:
            self._board.tell(record)
        elif job is None:
            logger.warning("A change of the job %s is ignored: %s", identifier, problem)
        elif job.rev > record.rev:
            record.following = job
            await self._cancel(record)

    async def work(self) -> None:
        """Carry out jobs, one at a time, until cancelled; what is not done then goes on after `resume`.

        The first waits until the device serves, or has found that it cannot: only then is there a way back.
        """
        while self._host.health().status == "loading":  # noqa: ASYNC110 - states have no event
            await asyncio.sleep(_LOOK_SECONDS)
        while True:
            self._news.clear()
            self._current = next((record for record in self._records.values() if not record.reported), None)
            if self._current is None:
                await self._news.wait()
                continue
            try:
                await self._carry_out(self._current)
            except StoreError as error:
                logger.error("The job %s stands still: %s", self._current.id, error.message)  # noqa: TRY400 - no bug
                await asyncio.sleep(_STUMBLE_SECONDS)

    async def run(self, publisher: Publisher) -> None:
        """Tell where jobs stand, over one connection, until cancelled or until it ends."""
        await self._board.run(publisher, [record for record in self._records.values() if not record.told])

    def listed(self) -> list[tuple[str, JobStatus]]:
        """Return the ids and the positions of all jobs, in the order in which they came."""
        return [(record.id, status_of(record)) for record in self._records.values()]

    async def enter(self, record: Record, state: JobState, reason: str = "") -> None:
        """Write the next state down, then tell the hub."""
        following = msgspec.structs.replace(record, state=state, reason=reason, ts=self._clock.now().ts, pct=0)
        await self._table.keep(following)
        record.state, record.reason, record.ts, record.pct = state, reason, following.ts, 0
        logger.info("Job %s: %s. %s", record.id, state, reason)
        self._board.tell(record)

    def progress(self, record: Record, pct: int, reason: str) -> None:
        """Note how far the state is; this is not written down."""
        self._board.progress(record, pct, reason)

    async def _accept(self, identifier: str, job: Job | None, problem: str, *, ours: bool = False) -> None:
        """Begin with a job, or say why it cannot be done."""
        record = Record(identifier, job, self._clock.now().ts, ours=ours)
        if identifier not in self._records and len(self._records) >= _MOST:
            full = Phrase("jobs.full", "The device keeps {most} jobs; clear those that have ended.", most=_MOST)
            record.state, record.reason = "failed", full
            self._board.tell(record)
            return
        if problem:
            record.state, record.reason = "failed", problem
        self._records.pop(identifier, None)
        self._records[identifier] = record
        await self._table.add(record)
        self._board.tell(record)
        if record.ended:
            await self._ended(record)
        self._news.set()

    async def _clear(self, record: Record | None) -> None:
        """The hub has cleared a job: forget it, or cancel it first."""
        if record is not None and record.ended:
            await self._forget(record)
        elif record is not None:
            record.cleared, record.following = True, None
            await self._cancel(record)

    async def _cancel(self, record: Record) -> None:
        """Stop a job and go back; without effect once it is committed."""
        record.canceled = True
        if record is not self._current and record.state == "accepted":  # nothing was begun: it need not await its turn
            record.state, record.reason, record.ts = "canceled", CANCELED, self._clock.now().ts
            await self._table.keep(record)
            self._board.tell(record)
            await self._ended(record)
            return
        await self._table.keep(record)
        if record is self._current and self._task is not None and record.state != "commit":
            self._task.cancel()

    async def _carry_out(self, record: Record) -> None:
        """Take a job to its end, whatever that is."""
        if not record.ended:
            await self._try(record)
        await self._ended(record)

    async def _try(self, record: Record) -> None:
        reason: str = CANCELED
        if record.job and (record.state == "commit" or not record.canceled):
            kind = BundleUpdate if record.job.type == "bundle" else Update
            update = kind(self._host, self._clock, self, record, record.job)
            self._task = asyncio.create_task(update.run(), name=f"job {record.id}")
            reason = await _outcome(self._task)
            self._task = None
        if not record.ended:
            back = retreat_bundle if record.job and record.job.type == "bundle" else retreat
            await back(self._host, self, record, reason)
        release(self._host)

    async def _ended(self, record: Record) -> None:
        """Report the end of a job, and begin with what follows, unless the hub has sent something newer meanwhile."""
        async with self._ending:
            if record.reported:
                return
            if self.on_end is not None:
                await self.on_end(record.id, status_of(record))
            record.reported = True
            if self._records.get(record.id) is not record:
                return
            if record.following is not None:
                await self._accept(record.id, record.following, "", ours=keeps(record))
            else:
                await self._table.keep(record)

    async def _told(self, record: Record, status: JobStatus) -> None:
        """Remember that the hub knows how a job has ended."""
        if status.state not in ENDS or self._records.get(record.id) is not record:
            return
        try:
            if record.cleared:
                await self._forget(record)
            else:
                record.told = True
                await self._table.keep(record)
        except StoreError as error:  # it is told once more
            logger.warning("The end of the job %s cannot be kept: %s", record.id, error.message)

    async def _forget(self, record: Record) -> None:
        self._records.pop(record.id, None)
        self._board.forget(record.id)
        await self._table.forget(record.id)

    def _distrust(self, record: Record) -> None:
        """Have what served before a trial load first: the model on trial may be what has taken the device down."""
        state_dir = self._host.config.state_dir
        if pinned.read(state_dir) != record.name:
            return
        try:
            pinned.write(state_dir, record.previous if record.previous != record.name else record.before)
        except ConfigError as error:
            logger.warning("%s", error.message)


async def _outcome(task: "asyncio.Task[None]") -> str:
    """Wait for the end of an update, and return why it was not completed; empty if it was."""
    try:
        await asyncio.wait({task})
    finally:
        if not task.done():  # the daemon stops
            task.cancel()
            await asyncio.wait({task})
    if task.cancelled():
        return CANCELED
    error = task.exception()
    if error is None:
        return ""
    if isinstance(error, EdgewiseError):
        return joined(error.message, error.hint)
    logger.error("A job failed", exc_info=error)
    return Phrase("jobs.crashed", "It failed: {error}. The log of the device says where.", error=str(error))


def _differs(record: Record, job: Job | None) -> bool:
    """Tell whether a job is not the one that has ended."""
    return job.rev > record.rev if job else record.job is not None


def _decode(payload: bytes) -> tuple[Job | None, str]:
    """Return a job, or why it cannot be read."""
    if len(payload) > _LARGEST:
        return None, Phrase(
            "jobs.too_long", "The job has {size} bytes, of at most {most}.", size=len(payload), most=_LARGEST
        )
    try:
        return msgspec.json.decode(payload, type=Job), ""
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return None, Phrase("jobs.unreadable", "The job cannot be read: {error}.", error=str(error))
