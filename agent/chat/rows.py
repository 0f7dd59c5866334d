"""From rows of app.db to records."""

from collections.abc import Mapping
from typing import Any

import msgspec

from agent.chat.records import Attachment, ChatSettings, Conversation, Message, Preset, Stats

MESSAGE_COLUMNS = (
    "id",
    "conversation_id",
    "parent_id",
    "role",
    "text",
    "state",
    "created",
    "thinking",
    "html",
    "error",
    "cause",
    "model",
    "stats",
)


def conversation(row: Mapping[str, Any]) -> Conversation:
    """Return the conversation of a row."""
    values = {**row, "settings": msgspec.json.decode(row["settings"], type=ChatSettings)}
    return msgspec.convert(values, Conversation, strict=False)


def message(row: Mapping[str, Any], attachments: tuple[Attachment, ...], versions: tuple[str, ...]) -> Message:
    """Return the message of a row, with what stands in other rows."""
    values = {**row, "stats": msgspec.json.decode(row["stats"], type=Stats)}
    return Message(**values, attachments=attachments, versions=versions)


def preset(row: Mapping[str, Any]) -> Preset:
    """Return the preset of a row."""
    settings = msgspec.json.decode(row["settings"], type=ChatSettings)
    return Preset(id=row["id"], name=row["name"], system=row["system"], settings=settings)


def json(record: msgspec.Struct) -> str:
    """Return a record as it is kept in a column."""
    return msgspec.json.encode(record).decode()
