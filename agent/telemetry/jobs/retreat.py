"""The way back from a job that was not completed: what served before serves again, and what was brought goes."""

import logging

from agent import wishes
from agent.errors import EdgewiseError
from agent.phrase import Phrase, joined
from agent.telemetry.host import Host
from agent.telemetry.jobs import artifact
from agent.telemetry.jobs.fetching import drop
from agent.telemetry.jobs.record import CANCELED, Record
from agent.telemetry.jobs.serving import chosen, serving, until_forgotten, until_serves
from agent.telemetry.jobs.update import Log

logger = logging.getLogger(__name__)


def keeps(record: Record) -> bool:
    """Tell whether what a job has brought stays, because its next revision wants the same."""
    return record.ours and bool(record.job and record.following and record.following.artifact == record.job.artifact)


async def retreat(host: Host, log: Log, record: Record, reason: str) -> None:
    """Leave the device as it was before the job, and say why.

    Raises:
        StoreError: where the job stands cannot be written.
    """
    trouble = ""
    if record.swapped:
        await log.enter(record, "rollback", reason)
        trouble = await _go_back(host, record)
    await _clean_up(host, record)
    ours = record.previous if record.swapped else record.held
    if ours and chosen(host) == ours != record.before:
        _choose(host, record.before)
    await conclude(log, record, reason, trouble)


async def conclude(log: Log, record: Record, reason: str, trouble: str) -> None:
    """Write how a job ended that was not completed; `trouble` is what stood in the way back.

    Raises:
        StoreError: where the job stands cannot be written.
    """
    if trouble:
        await log.enter(record, "failed", joined(reason, trouble))
    elif record.canceled:
        await log.enter(record, "canceled", CANCELED)
    else:
        await log.enter(record, "rolled_back" if record.swapped else "failed", reason)


async def _go_back(host: Host, record: Record) -> str:
    """Have what served before serve again; returns what stands in the way of that."""
    before = record.previous if record.previous != record.name else ""
    if not before:
        _choose(host, record.before if record.before != record.name else "")
        return ""
    try:
        host.use_model(before)
        await until_serves(host, before)
    except EdgewiseError as error:  # somebody has removed it, or it does not load any more
        _choose(host, "")
        now = serving(host)
        lost = Phrase("jobs.lost", "{name} cannot serve again: {error}", name=before, error=error.message)
        return joined(lost, Phrase("jobs.serves", "{name} serves.", name=now) if now else "")
    return ""


async def _clean_up(host: Host, record: Record) -> None:
    """Remove what the job has installed, and wait until the device does not count on it any more."""
    try:
        if record.job and record.ours and not keeps(record):
            if record.canceled or record.name:
                await drop(host, artifact.reference(record.job.artifact))
            if record.name and chosen(host) != record.name:
                wishes.remove(host.config, host.models, record.name)
                await until_forgotten(host, record.name)
    except (EdgewiseError, OSError) as error:  # it takes up room, and is seen on the page of models
        logger.warning("What a job has brought cannot be removed: %s", error)


def _choose(host: Host, name: str) -> None:
    """Have a model chosen, or with an empty name leave the choice to the device."""
    try:
        host.use_model(name or wishes.AUTO)
    except EdgewiseError as error:
        logger.warning("The choice of a model cannot be restored: %s", error.message)
