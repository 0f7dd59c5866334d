"""What serves, and waiting until it is what was asked for."""

import asyncio
import contextlib

from agent import pinned
from agent.errors import EngineError
from agent.phrase import Phrase, joined
from agent.telemetry.host import Host

_NOTICE = 30.0  # seconds for a new choice; it takes tenths of one
PATIENCE = 1800.0  # seconds for a model to load; the engine is watched while it does
_LOOK_SECONDS = 0.1


def serving(host: Host) -> str:
    """Return the name of the model that serves; empty while none does."""
    return next(iter(host.names()), "")


def chosen(host: Host) -> str:
    """Return the name of the model that people have chosen; empty when the choice is left to the device."""
    return pinned.read(host.config.state_dir)


async def keeper(host: Host) -> str:
    """Return the model to keep while another is on its way: what serves, or will in a moment, or is here at least.

    Empty when there is none at all. Without one to keep, the new model would serve before anybody has looked at it.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while not serving(host) and host.health().status in {"loading", "restarting"}:  # noqa: ASYNC110 - no event
                await asyncio.sleep(_LOOK_SECONDS)
    return serving(host) or next((model.name for model in host.models.installed()), "")


async def until_serves(host: Host, name: str) -> None:
    """Wait until a model serves that was told to.

    Raises:
        EngineError: it cannot be run, or takes too long.
    """
    try:
        async with asyncio.timeout(PATIENCE):
            while serving(host) != name:
                if name in host.failures:
                    raise EngineError(host.failures[name])
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        late = Phrase("jobs.late", "{name} did not load within {seconds:g} s.", name=name, seconds=PATIENCE)
        raise EngineError(joined(late, host.health().detail)) from None


async def until_forgotten(host: Host, name: str) -> None:
    """Wait until a choice was made without a model that was removed; the next one could else be that model."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_NOTICE):
            while _considered(host, name):  # noqa: ASYNC110 - states have no event
                await asyncio.sleep(_LOOK_SECONDS)


def _considered(host: Host, name: str) -> bool:
    state = host.selection()
    return state is not None and state.selection.of_installed(name) is not None
