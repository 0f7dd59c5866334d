"""Watches a device after an update has brought another model, and takes the update back if that does not serve.

Where a trial stands is written down with the update, so that it goes on after a restart.
"""

import asyncio
import logging
from collections.abc import Callable

from agent import wishes
from agent.bundles.applying import roll_back
from agent.bundles.journal import Applied, Trial, note_trial, read_record
from agent.bundles.place import Place
from agent.errors import DownloadError, EdgewiseError
from agent.state import SafeModeState
from agent.telemetry.host import Host
from agent.telemetry.jobs import health
from agent.telemetry.jobs.serving import chosen, serving, until_serves
from agent.telemetry.payloads import HealthCheck

logger = logging.getLogger(__name__)

_PATIENCE = 60.0  # seconds for answers in progress
_LOOK_SECONDS = 0.05
_AGAIN_SECONDS = 1.0  # until the next look at what may take minutes or days


def planned(host: Host) -> Trial | None:
    """Return the trial of an update that is about to come; None where another model cannot serve by it."""
    if host.config.model or not host.config.chooses:
        return None
    return Trial(serving(host), begun=host.health().safe_mode is None)


def give_up(place: Place, state: SafeModeState | None) -> Applied | None:
    """Take the update back that was on trial when crashes have led to safe mode, and return it; None: none was.

    Raises:
        EdgewiseError: it cannot be taken back.
    """
    record = read_record(place)
    if state is None or state.wanted or record.last is None or record.trial is None or not record.trial.begun:
        return None
    return roll_back(place, record.last)


async def go_on(host: Host, place: Place) -> None:
    """Follow the last update from where it stands; the top of a task."""
    try:
        await follow(host, place)
    except EdgewiseError as error:
        logger.error("The trial of an update does not end well. %s", error.message)  # noqa: TRY400 - no bug


async def follow(host: Host, place: Place) -> str:
    """Go on with the trial of the last update, if there is one; return why it was taken back, empty: it stays.

    Raises:
        EdgewiseError: it cannot be taken back.
    """
    record = read_record(place)
    update, trial = record.last, record.trial
    if update is None or trial is None:
        return ""
    while host.health().safe_mode:  # noqa: ASYNC110 - not every model may run, and a mode has no event
        await asyncio.sleep(_AGAIN_SECONDS)
    reason = ""
    if planned(host) and chosen(host) == update.serve:
        await _when_free(lambda: note_trial(place, update, Trial(trial.before, begun=True)))
        reason = await check(host, update, HealthCheck())
    if host.stopping:
        return ""  # the next start goes on
    if not reason or chosen(host) != update.serve:  # people want another one
        await _when_free(lambda: note_trial(place, update, None))
        return ""
    logger.warning("The update %s %d is taken back. %s", update.name, update.version, reason)
    await take_back(host, place, update, trial.before)
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
    await _when_free(lambda: roll_back(place, update))
    if not update.serve:
        return
    if before:
        host.use_model(before)
        await _load_anew(host, update)
        await until_serves(host, before)
    host.use_model(update.chosen or wishes.AUTO)


async def _when_free(work: Callable[[], object]) -> None:
    """Do something as soon as nobody else works on updates."""
    while True:
        try:
            await asyncio.to_thread(work)
        except DownloadError:
            await asyncio.sleep(_AGAIN_SECONDS)
        else:
            return


async def _load_anew(host: Host, update: Applied) -> None:
    """Start the engine anew if it serves a file that was replaced by one of another content under the same name."""
    target = str(host.config.models_dir / update.serve)
    if serving(host) == update.serve and target in {step.target for step in update.steps}:
        process = host.engine_pid
        await host.restart_engine(_PATIENCE)
        while host.engine_pid == process:  # noqa: ASYNC110 - processes have no event
            await asyncio.sleep(_LOOK_SECONDS)
