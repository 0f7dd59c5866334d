"""Conversations from files into the database."""

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec
from sqlite_utils import Database

from agent.chat import attachments, conversations, rows
from agent.chat.filenames import safe_name
from agent.chat.ids import new_id
from agent.chat.making_room import write_with_room
from agent.chat.portable import PortableConversation, PortableMessage
from agent.chat.quota import UNBOUNDED, Quota, size_of
from agent.chat.records import Conversation
from agent.chat.transfer import detect_and_read
from agent.store import Store

_BATCH = 500  # messages that are written in one transaction; running answers write in between


async def import_into(store: Store, user_id: str, data: bytes, quota: Quota = UNBOUNDED) -> int:
    """Keep the conversations of a file; returns how many are new. Those that the user has already are left alone.

    Raises:
        InputError: the file is of no known format, damaged or too large.
        NoRoomError: this user has no room for all of them, or the disk has none; what was complete until then stays.
        StoreError: the database cannot be written; what was complete until then stays.
    """
    found = await asyncio.to_thread(detect_and_read, data)
    return sum([await _keep(store, quota, user_id, conversation) for conversation in found])


async def _keep(store: Store, quota: Quota, user_id: str, conversation: PortableConversation) -> bool:
    """Write a conversation, in the bin until it is complete."""
    own_id = _own_id(user_id, conversation)
    ids = {message.id: new_id() for message in conversation.messages}
    made = _conversation(user_id, own_id, conversation, ids)
    size = _size(conversation.messages)

    def begin(database: Database) -> bool:
        if _known(database, conversation.id, made):
            return False
        conversations.remove(database, "conversations.id = ?", made.id)  # one in the bin gives way
        quota.require(database, user_id, size)
        conversations.insert(database, made)
        return True

    if not await write_with_room(store, user_id, begin):
        return False
    for start in range(0, len(conversation.messages), _BATCH):
        batch = conversation.messages[start : start + _BATCH]
        await store.write(partial(_insert, quota=quota, made=made, messages=batch, ids=ids))
    await store.write(lambda database: conversations.take_out(database, user_id, own_id))
    return True


def _own_id(user_id: str, conversation: PortableConversation) -> str:
    """Return what the conversation is called here: the same whenever the same user imports the same one."""
    source = conversation.id or msgspec.json.encode(conversation).hex()
    return hashlib.sha256(f"{user_id}\n{source}".encode()).hexdigest()[: len(new_id())]


def _conversation(
    user_id: str, own_id: str, conversation: PortableConversation, ids: Mapping[str, str]
) -> Conversation:
    return Conversation(
        id=own_id,
        user_id=user_id,
        title=conversation.title,
        created=conversation.created,
        updated=conversation.updated,
        pinned=conversation.pinned,
        deleted=time.time(),
        system=conversation.system,
        settings=conversation.settings,
        leaf=ids[conversation.leaf or ""],
    )


def _known(database: Database, original: str, made: Conversation) -> bool:
    """Tell whether the user has the conversation, under its old or its new id."""
    query = "SELECT 1 FROM conversations WHERE user_id = ? AND id IN (?, ?) AND deleted IS NULL"
    return bool(database.execute(query, (made.user_id, original, made.id)).fetchone())


def _size(messages: Sequence[PortableMessage]) -> int:
    texts = sum(size_of(message.text, message.thinking) for message in messages)
    return texts + sum(size_of(file.text) for message in messages for file in message.attachments)


def _insert(
    database: Database,
    quota: Quota,
    made: Conversation,
    messages: Sequence[PortableMessage],
    ids: Mapping[str, str],
) -> None:
    quota.require(database, made.user_id, _size(messages))  # other imports of the same user may run
    database.conn.executemany(
        """INSERT INTO messages
           (id, conversation_id, parent_id, role, text, thinking, state, error, model, stats, created)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [_row(message, made.id, ids) for message in messages],
    )
    for message in messages:
        for attachment in message.attachments:
            row = {"id": new_id(), "user_id": made.user_id, "message_id": ids[message.id], "created": message.created}
            named = {"name": safe_name(attachment.name), "bytes": attachment.bytes, "text": attachment.text}
            attachments.insert(database, {**row, **named, "composer": None})


def _row(message: PortableMessage, conversation_id: str, ids: Mapping[str, str]) -> tuple[object, ...]:
    return (
        ids[message.id],
        conversation_id,
        ids[message.parent_id] if message.parent_id else None,
        message.role,
        message.text,
        message.thinking,
        message.state,
        message.error,
        message.model,
        rows.json(message.stats),
        message.created,
    )
