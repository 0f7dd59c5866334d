"""Answers that other programs keep in steps, put together again."""

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from agent.chat.portable import PortableMessage


def joined(messages: Sequence[PortableMessage], leaf: str | None) -> tuple[list[PortableMessage], str | None]:
    """Return the messages without empty ones, steps of the same answer as one message; and what `leaf` became.

    Empty messages stand for what we do not keep, such as calls of tools. A message continues the one before it when
    both are of the same role, and nothing else follows that.

    Args:
        messages: each after the one that it follows.
        leaf: id of one of them, or None.
    """
    full, became = _without_empty(messages)
    followers = Counter(message.parent_id for message in full)
    runs: dict[str, list[PortableMessage]] = {}
    heads: dict[str, str] = {}  # from each message to the first of its run
    for message in full:
        head = heads.get(message.parent_id or "")
        if head and message.role == runs[head][0].role and followers[message.parent_id] == 1:
            heads[message.id] = head
            runs[head].append(message)
        else:
            heads[message.id] = message.id
            runs[message.id] = [replace(message, parent_id=head)]
    last = became.get(leaf)
    return [_one(run) for run in runs.values()], heads[last] if last else None


def _without_empty(messages: Sequence[PortableMessage]) -> tuple[list[PortableMessage], dict[str | None, str | None]]:
    """Return the others, and for each id the full message that stands for it: itself or the next one before it."""
    stands_for: dict[str | None, str | None] = {}
    full = []
    for message in messages:
        parent = stands_for.get(message.parent_id)
        if message.text.strip() or message.thinking.strip() or message.attachments:
            stands_for[message.id] = message.id
            full.append(replace(message, parent_id=parent))
        else:
            stands_for[message.id] = parent
    return full, stands_for


def _one(run: Sequence[PortableMessage]) -> PortableMessage:
    if len(run) == 1:
        return run[0]
    return replace(
        run[0],
        text="\n\n".join(message.text for message in run if message.text.strip()),
        thinking="\n\n".join(message.thinking for message in run if message.thinking.strip()),
        model=next((message.model for message in reversed(run) if message.model), ""),
        attachments=[attachment for message in run for attachment in message.attachments],
    )
