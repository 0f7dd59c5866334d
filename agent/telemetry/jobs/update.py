"""A model update, forward: wait, download, verify, stage, swap, check its health, commit."""

import asyncio
import functools
from typing import Protocol

from agent.errors import BundleError, ConfigError, EngineError, InputError
from agent.models import InstalledModel
from agent.phrase import Phrase
from agent.telemetry.clock import Clock
from agent.telemetry.host import Host
from agent.telemetry.jobs import artifact, health, signature, window
from agent.telemetry.jobs.fetching import fetch
from agent.telemetry.jobs.record import Record
from agent.telemetry.jobs.serving import chosen, keeper, serving, until_serves
from agent.telemetry.jobs.unproven import hold_back, release
from agent.telemetry.payloads import Job, JobState

_LOOK_SECONDS = 1.0
_BUSY_SECONDS = 600.0  # that a device in use is waited for; then the engine makes a moment


class Log(Protocol):
    """Keeps where a job stands, and tells the hub."""

    async def enter(self, record: Record, state: JobState, reason: str = "") -> None:
        """Write the next state down; it is begun after that, never before.

        Raises:
            StoreError: it cannot be written, so it must not be begun.
        """

    def progress(self, record: Record, pct: int, reason: str) -> None:
        """Note how far the state is, and why it does not go on."""


class Update:
    """Works on one job. Whatever it raises or wherever it is stopped, `agent.telemetry.jobs.retreat` cleans up."""

    def __init__(self, host: Host, clock: Clock, log: Log, record: Record, job: Job) -> None:
        self._host = host
        self._clock = clock
        self._log = log
        self._record = record
        self._job = job

    @property
    def _windows(self) -> tuple[str, str]:
        return self._host.config.mqtt_window, self._job.window

    async def run(self) -> None:
        """Go on from wherever the job stands, until the new model is there to stay.

        Raises:
            EdgewiseError: it does not, and why.
        """
        if self._record.state == "commit":
            await self._commit()
            return
        if self._record.swapped:
            raise EngineError(
                Phrase(
                    "jobs.interrupted",
                    "The trial of {name} was interrupted by a restart of the device.",
                    name=self._record.name,
                )
            )
        self._require()
        if await self._serves_already():
            await self._commit()
            return
        await self._window()
        await self._download()
        await self._verify()
        await self._stage()
        await self._quiet()
        await self._swap()
        await self._check()
        await self._commit()

    def _require(self) -> None:
        """Refuse what cannot be done, before anything is begun.

        Raises:
            ConfigError: the device is set up so that its model does not change.
            InputError: the job contradicts itself.
        """
        config = self._host.config
        if config.model or not config.chooses:
            what = config.model or config.engine
            raise ConfigError(
                Phrase("jobs.configured", "The configuration of the device says what serves: {what}.", what=what)
            )
        self._require_window()
        artifact.reference(self._job.artifact)
        signature.require(config, self._job.artifact)

    def _require_window(self) -> None:
        """Refuse a job for which there is never time.

        Raises:
            InputError: its window and that of the device have no time in common.
        """
        if window.never_open(self._windows):
            first, second = self._windows
            raise InputError(
                Phrase(
                    "jobs.windows_apart",
                    "The windows {first} and {second} have no time of day in common.",
                    first=first,
                    second=second,
                )
            )

    async def _serves_already(self) -> bool:
        """Tell whether the model serves that the job is about, and check its health if so."""
        found = artifact.installed(self._host.models, self._job.artifact)
        if found is None or serving(self._host) != found.name:
            return False
        self._record.name = found.name
        artifact.compare(found, self._job.artifact)
        await self._require_signed(found)
        await self._check()
        return True

    async def _window(self) -> None:
        """Wait for the time of day."""
        while reason := window.closed(self._windows, self._clock):
            await self._wait(reason)

    async def _quiet(self) -> None:
        """Wait for the time of day, which may have passed meanwhile, and until nobody is being answered."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _BUSY_SECONDS
        while True:
            await self._window()
            if not self._host.health().active or loop.time() > end:
                return
            await self._wait(Phrase("jobs.busy", "The model changes as soon as nobody is being answered."))

    async def _wait(self, reason: str) -> None:
        """Wait a little, and tell why."""
        if (self._record.state, self._record.reason) != ("waiting", reason):
            await self._log.enter(self._record, "waiting", reason)
        await asyncio.sleep(_LOOK_SECONDS)

    async def _download(self) -> None:
        record, wanted = self._record, self._job.artifact
        if found := artifact.installed(self._host.models, wanted):
            record.name = found.name
            if record.ours:  # before a power cut
                hold_back(self._host, record)
            return
        record.ours = True
        if not chosen(self._host):  # else the new model would serve at once, if the device finds it better
            record.held = await keeper(self._host)
            hold_back(self._host, record)
        await self._log.enter(record, "download")
        if record.held:
            self._host.use_model(record.held)
        if wanted.size:
            root = self._host.models.root
            root.mkdir(parents=True, exist_ok=True)
            self._host.models.transfer.require(root, wanted.size - self._arrived())
        name = artifact.free_name(self._host.models, wanted)
        reference = artifact.reference(wanted)
        record.name = await fetch(self._host, reference, name, record, functools.partial(self._log.progress, record))

    def _arrived(self) -> int:
        """Return the bytes that an earlier run has left."""
        reference = artifact.reference(self._job.artifact)
        return sum(rest.bytes for rest in self._host.models.unfinished() if rest.source == reference)

    async def _verify(self) -> None:
        """Compare the file with what the job says; one that was here before is read again, since disks forget."""
        await self._log.enter(self._record, "verify")
        found = self._host.models.find(self._record.name)
        artifact.compare(found, self._job.artifact)
        await self._require_signed(found)
        release(self._host)
        if not self._record.ours:
            await self._host.models.verify(self._record.name)

    async def _require_signed(self, model: InstalledModel) -> None:
        """Refuse a file that nobody trusted has signed, where that counts."""
        if model.files and (self._job.artifact.sig or self._host.config.signed_jobs):
            raise BundleError(
                Phrase("jobs.one_file", "A signature covers one file; a model of several comes in a signed update.")
            )
        path = self._host.models.path(model)
        await asyncio.to_thread(signature.verify, self._host.config, self._job.artifact, path)

    async def _stage(self) -> None:
        """Write down the way back."""
        record = self._record
        record.previous, before = serving(self._host), chosen(self._host)
        record.before = "" if before == record.held else before
        await self._log.enter(record, "stage")

    async def _swap(self) -> None:
        record = self._record
        record.swapped = True
        taking = Phrase("jobs.takes_over", "{name} takes over.", name=record.name)
        if record.previous:
            taking = Phrase(
                "jobs.takes_over_from", "{name} takes over from {previous}.", name=record.name, previous=record.previous
            )
        await self._log.enter(record, "swap", taking)
        self._host.use_model(record.name)
        await until_serves(self._host, record.name)

    async def _check(self) -> None:
        """Check the health of the model that serves.

        Raises:
            EngineError: it misses something.
        """
        record = self._record
        await self._log.enter(record, "health")
        findings = await health.check(self._host, self._job.health, record.name)
        record.result = findings.result
        if reason := findings.unhealthy(record.name):
            raise EngineError(reason)

    async def _commit(self) -> None:
        await self._log.enter(self._record, "commit")
        self._host.use_model(self._record.name)
        await self._log.enter(
            self._record, "successful", Phrase("jobs.serves", "{name} serves.", name=self._record.name)
        )
