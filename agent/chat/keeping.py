"""Writing an answer down: now and then while it grows, and whole when it has ended."""

import asyncio
import logging

from agent.chat.generation import Generation
from agent.chat.messages import Messages
from agent.errors import StoreError
from agent.waiting import wait_at_most

logger = logging.getLogger(__name__)

_CHECKPOINT_SECONDS = 10.0  # between two times that the text so far is written down: what a power cut costs at most
_KEEP_TRIES, _KEEP_SECONDS = 30, 2.0  # a full disk may get room again


async def save_now_and_then(messages: Messages, generation: Generation) -> None:
    """Write down how far an answer is, again and again; one that nobody has any more is stopped.

    Whose conversations were removed on the command line, in another process, is noticed here.
    """
    draft, saved = generation.draft, generation.draft.text
    while True:
        await asyncio.sleep(_CHECKPOINT_SECONDS)
        try:
            if draft.text == saved:
                wanted = await messages.exists(generation.message.id)
            else:
                saved = draft.text
                wanted = await messages.checkpoint(generation.message.id, draft.text, draft.thinking)
        except StoreError as error:
            logger.warning("An answer in progress could not be saved: %s", error.message)
            continue
        if not wanted:
            generation.stop()
            return


async def keep(messages: Messages, generation: Generation, closing: asyncio.Event) -> None:
    """Write an answer down; patiently, since it exists nowhere else, but when the device is closing only once more."""
    from agent.markdown.render import render  # noqa: PLC0415 - as in `Draft`

    draft = generation.draft
    html = await asyncio.to_thread(render, draft.text)
    for last in range(_KEEP_TRIES, 0, -1):
        try:
            await messages.finish(
                generation.message.id,
                text=draft.text,
                thinking=draft.thinking,
                html=html,
                state=generation.state,
                error=generation.error,
                cause=generation.cause,
                model=generation.model,
                stats=generation.stats,
            )
        except StoreError as error:
            logger.error("An answer could not be saved, %d more tries: %s", last - 1, error.message)  # noqa: TRY400
            if closing.is_set():
                return
            await wait_at_most(closing, _KEEP_SECONDS)
        else:
            return
