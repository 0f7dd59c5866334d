"""Tells the hub where jobs stand: the newest status of each, retained at the broker."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

import msgspec

from agent.errors import LinkDownError, RefusedError
from agent.telemetry.jobs.record import Record
from agent.telemetry.link import Publisher
from agent.telemetry.message import Outgoing
from agent.telemetry.payloads import JobStatus
from agent.telemetry.topics import Topics

_SECONDS, _PER_CENT = 5.0, 5  # between two statuses that differ in progress alone

logger = logging.getLogger(__name__)

_encode = msgspec.json.Encoder(enc_hook=str).encode  # phrases are texts


class Board:
    """What is still to be told. `on_told` is called once the broker has the status of a record."""

    def __init__(self, topics: Topics, on_told: Callable[[Record, JobStatus], Awaitable[None]]) -> None:
        self._topics = topics
        self._on_told = on_told
        self._news: dict[str, Record] = {}
        self._any = asyncio.Event()
        self._last = (0.0, 0)  # when progress was told, and how far it was then

    def tell(self, record: Record) -> None:
        """Publish where a job stands, as soon as there is a connection."""
        self._news[record.id] = record
        self._any.set()

    def forget(self, identifier: str) -> None:
        """Say nothing more about a job."""
        self._news.pop(identifier, None)

    def progress(self, record: Record, pct: int, reason: str) -> None:
        """Note how far a job is with what it does; this is told now and then, and why it does not go on at once."""
        now, (when, before) = asyncio.get_running_loop().time(), self._last
        news = reason != record.reason
        record.pct, record.reason = pct, reason
        if news or pct < before or (now - when >= _SECONDS and pct - before >= _PER_CENT):
            self._last = (now, pct)
            self.tell(record)

    async def run(self, publisher: Publisher, records: Iterable[Record]) -> None:
        """Publish over one connection, these first, until cancelled or until the connection ends."""
        for record in records:
            self.tell(record)
        while True:
            await self._any.wait()
            self._any.clear()
            while self._news:
                record = self._news.pop(next(iter(self._news)))
                if not await self._publish(publisher, record):
                    self._news.setdefault(record.id, record)
                    return

    async def _publish(self, publisher: Publisher, record: Record) -> bool:
        """Publish the status of one job; False when the connection has ended."""
        status = status_of(record)
        topic = self._topics.own(f"job/{record.id}/status")
        try:
            await publisher.publish(Outgoing(topic, _encode(status), retain=True))
        except LinkDownError:
            return False
        except RefusedError as error:
            logger.warning("The broker does not take the status of the job %s: %s", record.id, error.message)
        else:
            await self._on_told(record, status)
        return True


def status_of(record: Record) -> JobStatus:
    """Return what the hub is told about a job."""
    return JobStatus(
        state=record.state,
        rev=record.job.rev if record.job else 0,
        pct=record.pct,
        attempt=record.attempt,
        ts=record.ts,
        msg=record.reason,
        result=record.result,
    )
