"""Ends a process that hangs."""

import asyncio
import logging
from collections.abc import Callable

from agent.inference.process import EngineProcess

logger = logging.getLogger(__name__)


async def watch(process: EngineProcess, silent: Callable[[], float], pause: float) -> None:
    """Kill a process that has work and gives no sign of life.

    Args:
        process: the engine.
        silent: how long it has been silent, 1 and above: too long.
        pause: seconds between two looks, a second at most.
    """
    while silent() < 1:  # noqa: ASYNC110 - that time passes is no event
        await asyncio.sleep(min(1.0, pause))
    logger.error("The engine gave no sign of life for too long and is killed")
    process.kill()
