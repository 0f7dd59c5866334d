"""A job that applies a signed update: wait, download, verify, apply, check its model's health, commit; or go back."""

import asyncio
import hashlib
import logging
from pathlib import Path

from agent.bundles import trial
from agent.bundles.applying import apply
from agent.bundles.journal import read_record
from agent.bundles.manifest import Manifest
from agent.bundles.place import Place
from agent.bundles.reading import open_bundle
from agent.bundles.trust import trusted_keys
from agent.errors import DownloadError, EdgewiseError, EngineError, InputError
from agent.models.files import SourceFile
from agent.models.progress import Meter, Progress
from agent.phrase import Phrase, joined
from agent.telemetry.host import Host
from agent.telemetry.jobs import signature
from agent.telemetry.jobs.fetching import DELAYS
from agent.telemetry.jobs.record import Record
from agent.telemetry.jobs.retreat import conclude
from agent.telemetry.jobs.serving import chosen, serving
from agent.telemetry.jobs.update import Log, Update
from agent.telemetry.payloads import Artifact

logger = logging.getLogger(__name__)


class BundleUpdate(Update):
    """Works on one job; `retreat_bundle` cleans up."""

    async def run(self) -> None:
        """Go on from wherever the job stands, until the update is there to stay.

        Raises:
            EdgewiseError: it does not, and why.
        """
        if self._record.state != "commit":
            if self._record.swapped:
                raise EngineError(
                    Phrase("jobs.update_interrupted", "A restart of the device has interrupted the update.")
                )
            self._require_address()
            await self._window()
            path = await self._fetch()
            await self._log.enter(self._record, "verify")
            manifest = await asyncio.to_thread(self._look, path)
            await self._quiet()
            await self._apply(path, manifest)
        done = Phrase("jobs.update_in_force", "{name} is in force.", name=self._record.bundle)
        await self._log.enter(self._record, "commit")
        await asyncio.to_thread(_discard, self._host, self._job.artifact)
        await self._log.enter(self._record, "successful", done)

    def _require_address(self) -> None:
        """Refuse what cannot be fetched or is not to be."""
        self._require_window()
        artifact, config = self._job.artifact, self._host.config
        if not artifact.url.startswith(("https://", "http://")) or not artifact.sha256:
            raise InputError(
                Phrase("jobs.update_where", "An update needs the url of its file, and its sha256."), field="artifact"
            )
        if config.offline:
            raise InputError(Phrase("errors.offline", "The setting `offline` forbids the use of the network."))
        signature.require(config, artifact)
        trusted_keys(config)  # better told now than after gigabytes

    async def _fetch(self) -> Path:
        """Download the file; tries again when the network fails, and goes on with what has arrived."""
        record = self._record
        await self._log.enter(record, "download")
        for delay in (*DELAYS, None):
            record.attempt += 1
            try:
                return await self._download_file()
            except DownloadError as error:
                if delay is None:
                    raise
                later = Phrase("jobs.later", "It is tried again in {seconds:.0f} s.", seconds=delay)
                self._log.progress(record, record.pct, joined(error.message, later))
                await asyncio.sleep(delay)
        raise AssertionError("the last delay is None")

    async def _download_file(self) -> Path:
        from agent.models.download import download  # noqa: PLC0415 - httpx: most starts fetch nothing
        from agent.models.transport import Http, open_client  # noqa: PLC0415 - likewise

        artifact, path = self._job.artifact, _incoming(self._host, self._job.artifact)
        path.parent.mkdir(parents=True, exist_ok=True)
        source = SourceFile(artifact.url, "update", path.name, url=artifact.url, sha256=artifact.sha256.lower())
        settings = self._host.models.transfer
        async with open_client(settings) as client:
            await download(source, path, http=Http(client, settings, Meter(self._note)), also_needed=artifact.size)
        return path

    def _note(self, progress: Progress) -> None:
        share = int(100 * progress.done / progress.total) if progress.total else 0
        self._log.progress(self._record, share, "")

    def _look(self, path: Path) -> Manifest:
        """Return what an update brings, whose own signature holds, as that of the artifact does."""
        signature.verify(self._host.config, self._job.artifact, path)
        with path.open("rb") as file:
            return open_bundle(file, trusted_keys(self._host.config)).manifest

    async def _apply(self, path: Path, manifest: Manifest) -> None:
        record, place = self._record, _place(self._host)
        record.bundle, record.name = f"{manifest.name} {manifest.version}", manifest.serve
        record.previous, record.before = serving(self._host), chosen(self._host)
        record.swapped = True
        await self._log.enter(record, "swap")
        await asyncio.to_thread(_apply_file, place, path)
        if manifest.serve:
            await self._log.enter(record, "health")
            last = read_record(place).last
            if last and (reason := await trial.check(self._host, last, self._job.health)):
                raise EngineError(reason)


async def retreat_bundle(host: Host, log: Log, record: Record, reason: str) -> None:
    """Leave the device as it was before the job, and say why.

    Raises:
        StoreError: where the job stands cannot be written.
    """
    trouble = ""
    if record.swapped:
        await log.enter(record, "rollback", reason)
        try:
            await _take_back(host, record)
        except EdgewiseError as error:
            trouble = error.message
    if record.job:
        await asyncio.to_thread(_discard, host, record.job.artifact)
    await conclude(log, record, reason, trouble)


def _place(host: Host) -> Place:
    """Return the device without its configuration file: a hub changes settings by what it desires."""
    return Place(host.config)


def _incoming(host: Host, artifact: Artifact) -> Path:
    name = hashlib.sha256(artifact.url.encode()).hexdigest()[:16]
    return _place(host).base / "incoming" / f"{name}.edgewise-bundle"


def _apply_file(place: Place, path: Path) -> None:
    with path.open("rb") as file:
        apply(place, file)


async def _take_back(host: Host, record: Record) -> None:
    """Take an update back if it is in force: when it was refused, or the power went before it was, it is not."""
    last = read_record(_place(host)).last
    if last is not None and f"{last.name} {last.version}" == record.bundle:
        await trial.take_back(host, _place(host), last, record.previous)


def _discard(host: Host, artifact: Artifact) -> None:
    path = _incoming(host, artifact)
    try:
        for each in path.parent.glob(f"{path.name}*"):
            each.unlink()
    except OSError as error:  # it takes up room
        logger.warning("What a job has brought cannot be removed: %s", error)
