"""The file `conversations.json` of ChatGPT's data export.

OpenAI does not document it; this is what exports of 2023 to 2026 look like. A conversation is a tree of nodes, many of
which the page does not show: instructions, calls of tools and their results, thoughts.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from agent.chat.joining import joined
from agent.chat.portable import PortableConversation, PortableMessage
from agent.chat.tidying import in_order, moment

# A reference to a source on the web, in characters for private use: what it points to is not in the file.
_REFERENCE = re.compile("\ue200[^\ue200\ue201]*\ue201")


class _Author(msgspec.Struct, frozen=True):
    role: str = ""


class _Content(msgspec.Struct, frozen=True):
    content_type: str = ""
    parts: Any = None
    text: Any = None
    language: Any = None
    thoughts: Any = None


class _Metadata(msgspec.Struct, frozen=True):
    model_slug: Any = None
    is_visually_hidden_from_conversation: Any = None


class _Message(msgspec.Struct, frozen=True):
    author: _Author = _Author()
    content: _Content | None = None
    create_time: Any = None
    recipient: Any = None
    metadata: _Metadata | None = None


class _Node(msgspec.Struct, frozen=True):
    message: _Message | None = None
    parent: str | None = None


class _Conversation(msgspec.Struct, frozen=True):
    mapping: dict[str, _Node]
    title: str | None = None
    create_time: Any = None
    update_time: Any = None
    current_node: str | None = None
    conversation_id: str | None = None
    id: str | None = None


def accepts(names: frozenset[str]) -> bool:
    """Tell whether an entry with these names is of this format."""
    return "mapping" in names


def read(entry: msgspec.Raw) -> Iterator[PortableConversation]:
    """Yield the one conversation of an entry.

    Raises:
        msgspec.MsgspecError: it is not what the format demands.
    """
    conversation = msgspec.json.decode(entry, type=_Conversation)
    messages = [_message(identifier, node) for identifier, node in conversation.mapping.items()]
    messages.sort(key=lambda message: message.created)
    full, leaf = joined(in_order(messages), conversation.current_node)
    yield PortableConversation(
        id=conversation.conversation_id or conversation.id or "",
        title=conversation.title or "",
        created=moment(conversation.create_time, 0.0),
        updated=moment(conversation.update_time, 0.0),
        leaf=leaf,
        messages=full,
    )


def _message(identifier: str, node: _Node) -> PortableMessage:
    """Return the message of a node; an empty one for what is not shown."""
    message = node.message or _Message()
    role, content = message.author.role, message.content or _Content()
    metadata = message.metadata or _Metadata()
    created = moment(message.create_time, 0.0)
    if role not in ("user", "assistant") or not _is_shown(message, metadata):
        return PortableMessage(identifier, "assistant", "", parent_id=node.parent, created=created)
    return PortableMessage(
        identifier,
        "user" if role == "user" else "assistant",
        _text(content),
        parent_id=node.parent,
        created=created,
        thinking=_thinking(content),
        model=metadata.model_slug if role == "assistant" and isinstance(metadata.model_slug, str) else "",
    )


def _is_shown(message: _Message, metadata: _Metadata) -> bool:
    return message.recipient in (None, "all") and not metadata.is_visually_hidden_from_conversation


def _text(content: _Content) -> str:
    if content.content_type == "code" and isinstance(content.text, str):
        return f"```\n{content.text}\n```"
    if content.content_type not in ("text", "multimodal_text") or not isinstance(content.parts, list):
        return ""
    text = "\n\n".join(part for part in map(_part, content.parts) if part)
    return _REFERENCE.sub("", text)


def _part(part: object) -> str:
    """Return a part of a message as text: it is text, a transcript, or something to look at."""
    if isinstance(part, dict):
        text = part.get("text")
        return text if isinstance(text, str) else "[image]" if part.get("asset_pointer") else ""
    return part if isinstance(part, str) else ""


def _thinking(content: _Content) -> str:
    if content.content_type != "thoughts" or not isinstance(content.thoughts, list):
        return ""
    thoughts = [thought for thought in content.thoughts if isinstance(thought, dict)]
    texts = [text for thought in thoughts for text in (thought.get("summary"), thought.get("content"))]
    return "\n\n".join(text for text in texts if isinstance(text, str) and text)
