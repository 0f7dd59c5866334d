"""Brings the model of a job here, as a download that people see and can pause on the page of models."""

import asyncio
from collections.abc import Callable

from agent.downloads import Download
from agent.errors import DownloadError, ModelError, NotFoundError
from agent.phrase import Phrase, joined
from agent.telemetry.host import Host
from agent.telemetry.jobs.record import Record

DELAYS = (15.0, 60.0, 300.0, 900.0)  # seconds before a download is tried again
_LOOK_SECONDS = 0.25


async def fetch(host: Host, reference: str, name: str, record: Record, on_look: Callable[[int, str], None]) -> str:
    """Install a model and return its name; tries again when the network fails. `record.attempt` counts.

    Args:
        host: the device.
        reference: what to pull.
        name: under which to install it; empty: as follows from its file.
        record: of the job.
        on_look: is called with the per cent that have arrived, and why they do not grow.

    Raises:
        ModelError: it cannot be had, or people have taken it off the list.
    """
    for delay in (*DELAYS, None):
        record.attempt += 1
        download = host.downloads.start(reference, name)
        await _follow(host, download, on_look)
        if download.state == "done":
            return download.installed
        if delay is None or not _may_pass(download):
            raise ModelError(download.error, hint=download.hint)
        later = Phrase("jobs.later", "It is tried again in {seconds:.0f} s.", seconds=delay)
        on_look(_share(download), joined(download.error, later))
        await asyncio.sleep(delay)
    raise AssertionError("the last delay is None")


async def drop(host: Host, reference: str) -> None:
    """Take the download of a reference off the list, with what has arrived of it."""
    for download in host.downloads.all():
        if (download.purpose, download.reference) == ("pull", reference):
            await host.downloads.cancel(download.id)


async def _follow(host: Host, download: Download, on_look: Callable[[int, str], None]) -> None:
    while download.state not in {"done", "failed"}:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            host.downloads.find(download.id)
        except NotFoundError as error:
            raise ModelError(
                Phrase("jobs.download_canceled", "Somebody has cancelled the download on the device.")
            ) from error
        paused = Phrase("jobs.download_paused", "Somebody has paused the download on the device.")
        on_look(_share(download), paused if download.state == "paused" else "")


def _may_pass(download: Download) -> bool:
    """Tell whether another try may help: not when all bytes have come and were not right."""
    progress = download.progress
    whole = progress is not None and progress.state in {"downloading", "verifying"} and progress.done == progress.total
    return download.cause == DownloadError.__name__ and not whole


def _share(download: Download) -> int:
    progress = download.progress
    if progress is None or not progress.total or progress.state == "checking":
        return 0
    return int(100 * progress.done / progress.total)
