"""Watches a device after an update has brought another model, and takes the update back if that does not serve."""

import asyncio
import logging

from agent import wishes
from agent.bundles.applying import roll_back
from agent.bundles.journal import Applied, read_record
from agent.bundles.place import Place
from agent.errors import EdgewiseError
from agent.telemetry.host import Host
from agent.telemetry.jobs import health
from agent.telemetry.jobs.serving import serving, until_serves
from agent.telemetry.payloads import HealthCheck

logger = logging.getLogger(__name__)

_PATIENCE = 60.0  # seconds for answers in progress
_LOOK_SECONDS = 0.05


async def follow(host: Host, place: Place) -> str:
    """Have the model of the last update serve and check its health; return why it was taken back, empty: it stays."""
    last, before = read_record(place).last, serving(host)
    if last is None or not last.serve or host.config.model or not host.config.chooses:
        return ""
    reason = await check(host, last, HealthCheck())
    if reason:
        logger.warning("The update %s %d is taken back. %s", last.name, last.version, reason)
        await take_back(host, place, last, before)
    return reason


async def check(host: Host, update: Applied, wanted: HealthCheck) -> str:
    """Have the model of an update serve, and return in which respect it does not do; empty: it does."""
    try:
        host.use_model(update.serve)
        await _load_anew(host, update)
        await until_serves(host, update.serve)
        return (await health.check(host, wanted, update.serve)).unhealthy(update.serve)
    except EdgewiseError as error:
        return error.message


async def take_back(host: Host, place: Place, update: Applied, before: str) -> None:
    """Take an update back, and wait until the model serves that did `before`; empty: none did.

    Raises:
        EdgewiseError: it cannot be taken back, or that model does not serve again.
    """
    await asyncio.to_thread(roll_back, place)
    if not update.serve:
        return
    if before:
        host.use_model(before)
        await _load_anew(host, update)
        await until_serves(host, before)
    host.use_model(update.chosen or wishes.AUTO)


async def _load_anew(host: Host, update: Applied) -> None:
    """Start the engine anew if it serves a file that was replaced by one of another content under the same name."""
    target = str(host.config.models_dir / update.serve)
    if serving(host) == update.serve and target in {step.target for step in update.steps}:
        process = host.engine_pid
        await host.restart_engine(_PATIENCE)
        while host.engine_pid == process:  # noqa: ASYNC110 - processes have no event
            await asyncio.sleep(_LOOK_SECONDS)
