"""Emptying the bin of what has been in it for a day, now and every hour."""

import asyncio
import logging

from agent.chat.attachments import Attachments
from agent.chat.conversations import Conversations
from agent.errors import StoreError

logger = logging.getLogger(__name__)

_SECONDS = 3600.0


async def empty_every_hour(conversations: Conversations, attachments: Attachments) -> None:
    """Remove for good what was deleted, and files that were never sent, of all people; until cancelled."""
    while True:
        try:
            await conversations.purge()
            await attachments.purge()
        except StoreError as error:
            logger.warning("The bin could not be emptied: %s", error.message)
        await asyncio.sleep(_SECONDS)
