"""Conversations of a user as files."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from sqlite_utils import Database

from agent.chat import conversations, rows
from agent.chat.filenames import safe_name
from agent.chat.portable import PortableAttachment, PortableConversation, PortableMessage
from agent.chat.transfer import edgewise, writer
from agent.errors import NotFoundError
from agent.store import Store


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file for somebody to keep; `name` may have any letters."""

    name: str
    media_type: str
    content: bytes


async def export_one(store: Store, user_id: str, conversation_id: str, form: str) -> ExportedFile:
    """Return one conversation in the format of a module of `agent.chat.transfer`: `edgewise` or `markdown`.

    Raises:
        NotFoundError: this user has no such conversation, or there is no such format.
    """
    chosen = writer(form)
    conversation = await store.read(lambda database: _portable(database, user_id, conversation_id))
    name = safe_name(f"{conversation.title or 'conversation'}{chosen.SUFFIX}")
    return ExportedFile(name, chosen.MEDIA_TYPE, chosen.write(conversation))


async def export_all(store: Store, user_id: str) -> AsyncIterator[bytes]:
    """Yield one file with all conversations of a user in our own format, piece by piece; the bin stays here."""
    query = "SELECT id FROM conversations WHERE user_id = ? AND deleted IS NULL ORDER BY updated DESC"
    ids = await store.read(lambda database: [row[0] for row in database.execute(query, (user_id,))])
    start = edgewise.BEGIN
    for identifier in ids:
        try:
            conversation = await store.read(partial(_portable, user_id=user_id, conversation_id=identifier))
        except NotFoundError:  # deleted in this moment
            continue
        yield start + msgspec.json.encode(conversation)
        start = edgewise.BETWEEN
    yield edgewise.END if start == edgewise.BETWEEN else edgewise.BEGIN + edgewise.END


def _portable(database: Database, user_id: str, conversation_id: str) -> PortableConversation:
    found = conversations.find(database, user_id, conversation_id)
    query = "SELECT * FROM messages WHERE conversation_id = ? ORDER BY number"
    attached = _attachments(database, conversation_id)
    return PortableConversation(
        id=found.id,
        title=found.title,
        messages=[_message(row, attached.get(row["id"], [])) for row in database.query(query, (conversation_id,))],
        created=found.created,
        updated=found.updated,
        pinned=found.pinned,
        system=found.system,
        settings=found.settings,
        leaf=found.leaf,
    )


def _message(row: dict[str, Any], attachments: list[PortableAttachment]) -> PortableMessage:
    message = rows.message({name: row[name] for name in rows.MESSAGE_COLUMNS}, (), ())
    return PortableMessage(
        message.id,
        message.role,
        message.text,
        parent_id=message.parent_id,
        created=message.created,
        thinking=message.thinking,
        state=message.state,
        error=message.error,
        model=message.model,
        stats=message.stats,
        attachments=attachments,
    )


def _attachments(database: Database, conversation_id: str) -> dict[str, list[PortableAttachment]]:
    query = """SELECT message_id, name, bytes, attachments.text FROM attachments
               JOIN messages ON messages.id = message_id WHERE conversation_id = ? ORDER BY attachments.rowid"""
    found: dict[str, list[PortableAttachment]] = {}
    for row in database.query(query, (conversation_id,)):
        found.setdefault(row.pop("message_id"), []).append(PortableAttachment(**row))
    return found
