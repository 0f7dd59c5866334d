"""From what a file says to a conversation that can be kept: files may be old, damaged or made to do harm."""

import time
from collections import defaultdict
from collections.abc import Sequence

from msgspec.structs import replace

from agent.chat.portable import PortableConversation, PortableMessage
from agent.chat.records import MessageState
from agent.chat.titles import clean_title, title_of

_EARLIEST = 946_684_800.0  # 2000-01-01; what is older is no time of a chat
_MILLISECONDS = 1e11  # seconds would be in the year 5138


def tidy(conversation: PortableConversation) -> PortableConversation | None:
    """Return a conversation as we keep them, with a title and credible times; None without messages.

    Messages that follow each other in a circle are left out, those that follow a missing one become first ones.
    """
    messages = in_order(conversation.messages)
    if not messages:
        return None
    updated = moment(conversation.updated, time.time())
    created = min(moment(conversation.created, updated), updated)
    first = next((message.text for message in messages if message.role == "user"), "")
    ids = {message.id for message in messages}
    return replace(
        conversation,
        title=clean_title(conversation.title) or title_of(first),
        created=created,
        updated=updated,
        leaf=conversation.leaf if conversation.leaf in ids else messages[-1].id,
        messages=[_tidy(message, created) for message in messages],
    )


def moment(value: object, default: float) -> float:
    """Return a time in seconds since 1970, from seconds or milliseconds; `default` if it is none, or lies ahead."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    # Compared before it is converted: JSON has integers that are larger than any float.
    seconds = value / 1000 if _MILLISECONDS < value < 1000 * _MILLISECONDS else value
    return float(seconds) if _EARLIEST <= seconds <= time.time() else default


def in_order(messages: Sequence[PortableMessage]) -> list[PortableMessage]:
    """Return the messages in the given order as far as that can be: each after the one that it follows, none twice."""
    known = {message.id for message in messages}
    placed: dict[str, PortableMessage] = {}
    waiting: defaultdict[str, list[PortableMessage]] = defaultdict(list)
    for message in messages:
        parent = message.parent_id
        if parent in known and parent not in placed:
            waiting[parent].append(message)
            continue
        ready = [message if parent in known else replace(message, parent_id=None)]
        while ready:
            placeable = ready.pop()
            placed.setdefault(placeable.id, placeable)
            ready += reversed(waiting.pop(placeable.id, []))
    return list(placed.values())


def _tidy(message: PortableMessage, created: float) -> PortableMessage:
    return replace(
        message,
        text=message.text.replace("\0", ""),  # the full-text index would end there
        thinking=message.thinking.replace("\0", ""),
        created=moment(message.created, created),
        state=_state(message),
    )


def _state(message: PortableMessage) -> MessageState:
    if message.role == "user":
        return "sent"
    if message.state == "running":
        return "stopped"
    return "complete" if message.state == "sent" else message.state
