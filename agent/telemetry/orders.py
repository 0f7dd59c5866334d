"""What a hub wants of the device: commands, a desired state, jobs. Each message goes to whom it is for."""

import asyncio
import logging
from collections.abc import Sequence

import msgspec

from agent.errors import StoreError
from agent.telemetry.desired import Desired
from agent.telemetry.host import Host, Reports
from agent.telemetry.inbox import Inbox
from agent.telemetry.jobs.jobs import Jobs
from agent.telemetry.link import Publisher
from agent.telemetry.message import Incoming
from agent.telemetry.outbox import Outbox
from agent.telemetry.payloads import JobStatus
from agent.telemetry.topics import Topics
from agent.waiting import end

logger = logging.getLogger(__name__)


class Orders:
    """First `open`, before a model is loaded; then what the connection brings; at the end `close`."""

    def __init__(self, host: Host, reports: Reports, topics: Topics, outbox: Outbox) -> None:
        self._topics = topics
        self._outbox = outbox
        self._inbox = Inbox(host, reports, topics)
        self._desired = Desired(host, reports, topics)
        self._jobs = Jobs(host, topics, host.store, reports.clock)
        self._jobs.on_end = self._ended
        self._working: list[asyncio.Task[None]] = []
        self._telling: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Recall what earlier runs of the daemon have left.

        Raises:
            StoreError: app.db cannot be read.
        """
        await self._jobs.resume()
        await self._desired.open()
        self._working = [asyncio.create_task(self._jobs.work(), name="jobs")]

    def commands(self) -> Sequence[str]:
        """Return the names of the commands that are understood."""
        return self._inbox.names()

    def jobs(self) -> list[tuple[str, JobStatus]]:
        """Return the ids and the positions of all jobs."""
        return self._jobs.listed()

    async def connected(self, publisher: Publisher) -> None:
        """Answer what could not be answered before."""
        await self._inbox.connected(publisher)
        await self._desired.connected(publisher)
        self._telling = [asyncio.create_task(self._jobs.run(publisher), name="positions of jobs")]

    async def disconnected(self) -> None:
        """Tell nothing until the next connection."""
        telling, self._telling = self._telling, []
        await end(telling)

    async def received(self, message: Incoming, publisher: Publisher) -> None:
        """Hand a message on; it is acknowledged once it is kept, and comes again if it cannot be."""
        if job := self._topics.job(message.topic):
            try:
                await self._jobs.received(job, message.payload)
            except StoreError as error:
                logger.warning("The job %s is not taken in: %s", job, error.message)
                return
            message.acknowledge()
        elif self._desired.mine(message.topic):
            await self._desired.received(message, publisher)
        else:
            await self._inbox.received(message, publisher)

    async def look(self) -> None:
        """Publish how the device is if that has changed; called with each report."""
        await self._desired.look()

    async def close(self) -> None:
        """End what goes on; it is taken up after the restart."""
        await self.disconnected()
        await end(self._working)
        await self._desired.close()
        await self._inbox.close()

    async def _ended(self, job: str, status: JobStatus) -> None:
        await self._outbox.append(
            "event", event="job_ended", data={"job": job, **msgspec.to_builtins(status, enc_hook=str)}
        )
