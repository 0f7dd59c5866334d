"""The export of Open WebUI: a list of chats, in which messages are a tree or, in old ones, a list."""

import html
from collections.abc import Iterator
from typing import Any

import msgspec

from agent.chat.joining import joined
from agent.chat.portable import PortableAttachment, PortableConversation, PortableMessage
from agent.chat.tidying import in_order, moment

_REASONING, _REASONING_END = '<details type="reasoning"', "</details>"


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    id: str | None = None
    parent_id: str | None = None
    role: str = ""
    content: Any = None
    model: Any = None
    timestamp: Any = None
    files: Any = None


class _History(msgspec.Struct, frozen=True, rename="camel"):
    messages: dict[str, _Message] = {}
    current_id: str | None = None


class _Chat(msgspec.Struct, frozen=True):
    title: str | None = None
    system: Any = None
    params: Any = None
    timestamp: Any = None
    history: _History | None = None
    messages: list[_Message] | None = None


class _Entry(msgspec.Struct, frozen=True):
    chat: _Chat
    id: str | None = None
    title: str | None = None
    created_at: Any = None
    updated_at: Any = None
    pinned: bool | None = None


def accepts(names: frozenset[str]) -> bool:
    """Tell whether an entry with these names is of this format."""
    return "chat" in names


def read(entry: msgspec.Raw) -> Iterator[PortableConversation]:
    """Yield the one conversation of an entry.

    Raises:
        msgspec.MsgspecError: it is not what the format demands.
    """
    decoded = msgspec.json.decode(entry, type=_Entry)
    chat = decoded.chat
    history = chat.history or _History()
    messages = _tree(history) if history.messages else _list(chat.messages or [])
    full, leaf = joined(in_order(messages), history.current_id)
    yield PortableConversation(
        id=decoded.id or "",
        title=decoded.title or chat.title or "",
        created=moment(decoded.created_at, moment(chat.timestamp, 0.0)),
        updated=moment(decoded.updated_at, moment(chat.timestamp, 0.0)),
        pinned=bool(decoded.pinned),
        system=_system(chat),
        leaf=leaf,
        messages=full,
    )


def _tree(history: _History) -> list[PortableMessage]:
    messages = [_message(identifier, found.parent_id, found) for identifier, found in history.messages.items()]
    return sorted(messages, key=lambda message: message.created)


def _list(messages: list[_Message]) -> list[PortableMessage]:
    return [_message(str(n), str(n - 1) if n else None, message) for n, message in enumerate(messages)]


def _message(identifier: str, parent: str | None, message: _Message) -> PortableMessage:
    """Return a message; an empty one for what is of neither the user nor the model."""
    content = _content(message.content) if message.role in ("user", "assistant") else ""
    text, thinking = _split(content) if message.role == "assistant" else (content, "")
    return PortableMessage(
        identifier,
        "user" if message.role == "user" else "assistant",
        text,
        parent_id=parent,
        created=moment(message.timestamp, 0.0),
        thinking=thinking,
        model=message.model if message.role == "assistant" and isinstance(message.model, str) else "",
        attachments=_attachments(message.files) if message.role == "user" else [],
    )


def _content(content: object) -> str:
    """Return the text of a message, which may be a list of parts as in OpenAI's API."""
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n\n".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""


def _split(content: str) -> tuple[str, str]:
    """Return the answer and the thinking, which stands in it as folded quotes."""
    texts, thoughts = [], []
    rest = content
    while (start := rest.find(_REASONING)) >= 0 and (end := rest.find(_REASONING_END, start)) >= 0:
        texts.append(rest[:start])
        thoughts.append(rest[start:end].partition(">")[2])
        rest = rest[end + len(_REASONING_END) :]
    return "".join([*texts, rest]).strip(), "\n\n".join(map(_unquoted, thoughts)).strip()


def _unquoted(thought: str) -> str:
    summary, found, quote = thought.partition("</summary>")
    lines = html.unescape(quote if found else summary).strip().splitlines()
    return "\n".join(line.removeprefix(">").removeprefix(" ") for line in lines)


def _system(chat: _Chat) -> str:
    of_params = chat.params.get("system") if isinstance(chat.params, dict) else None
    return next((text for text in (of_params, chat.system) if isinstance(text, str)), "")


def _attachments(files: object) -> list[PortableAttachment]:
    """Return the files whose text is in the export."""
    found = [file for file in files if isinstance(file, dict)] if isinstance(files, list) else []
    attached = [(file.get("name"), _text_of(file)) for file in found]
    return [
        PortableAttachment(name, len(text.encode()), text)
        for name, text in attached
        if isinstance(name, str) and isinstance(text, str)
    ]


def _text_of(file: dict[str, Any]) -> object:
    inner = file.get("file")
    data = inner.get("data") if isinstance(inner, dict) else None
    return data.get("content") if isinstance(data, dict) else None
