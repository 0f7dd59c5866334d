"""Takes an update from a request into the device."""

import asyncio
import logging
from collections.abc import AsyncIterator

from litestar.background_tasks import BackgroundTask

from agent.bundles import trial
from agent.bundles.applying import apply
from agent.bundles.manifest import Manifest
from agent.bundles.place import Place
from agent.errors import EdgewiseError
from agent.node import Node
from web.uploads import Incoming

logger = logging.getLogger(__name__)

_DRAIN_SECONDS = 30.0


def place_of(node: Node) -> Place:
    """Return the device as updates see it, with the configuration as it is now."""
    resolved = node.reread() if node.reread else None
    return Place(resolved.config if resolved else node.config, resolved.file if resolved else None)


async def take(node: Node, chunks: AsyncIterator[bytes], *, dry_run: bool = False) -> Manifest:
    """Apply an update while it arrives.

    Raises:
        EdgewiseError: it is refused, and nothing has changed.
    """
    source, plan = Incoming(chunks), trial.planned(node)
    try:
        return await asyncio.to_thread(apply, place_of(node), source, trial=plan, dry_run=dry_run)
    except EdgewiseError as error:
        logger.warning("An update was refused. %s", error.message)
        await source.drain(_DRAIN_SECONDS)
        raise


def afterwards(node: Node) -> BackgroundTask:
    """Return what is done once the answer is sent: the new model serves, or the update is taken back."""
    return BackgroundTask(trial.go_on, node, place_of(node))
