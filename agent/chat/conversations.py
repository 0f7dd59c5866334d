"""Conversations of users: kept, listed, renamed, pinned, thrown into the bin and taken out of it again.

Whose they are is part of every query: somebody else's conversation is one that does not exist.
"""

import time
from collections.abc import Sequence
from functools import partial
from typing import TypeAlias

from sqlite_utils import Database

from agent.chat import rows
from agent.chat.ids import new_id
from agent.chat.quota import UNBOUNDED, Quota, size_of
from agent.chat.records import ChatSettings, Conversation
from agent.chat.times import date, stamp
from agent.chat.titles import clean_title
from agent.errors import InputError, NotFoundError
from agent.phrase import Phrase
from agent.store import Store

Position: TypeAlias = tuple[bool, float, str]
"""Where a page of the list ends: `pinned`, `updated` and `id` of its last conversation."""

_DAY = 24 * 3600
_LONGEST_SYSTEM = 32_000  # characters; more than the context of most devices
_LONGEST_DRAFT = 100_000
_BATCH = 20  # conversations that are removed in one transaction


class Conversations:
    """The conversations in the database, without their messages."""

    def __init__(self, store: Store, quota: Quota = UNBOUNDED) -> None:
        self._store = store
        self._quota = quota

    async def create(
        self, user_id: str, *, title: str, system: str = "", settings: ChatSettings | None = None
    ) -> Conversation:
        """Keep a new conversation without messages; it may have an empty title.

        Raises:
            NoRoomError: this user keeps far more than they may.
        """
        text = checked_system(system)

        def run(database: Database) -> Conversation:
            self._quota.require(database, user_id, size_of(title, text), typed=True)
            now = stamp(database, user_id)
            made = Conversation(new_id(), user_id, title, now, now, system=text, settings=settings or ChatSettings())
            insert(database, made)
            return made

        return await self._store.write(run)

    async def get(self, user_id: str, conversation_id: str) -> Conversation:
        """Return a conversation that is not in the bin.

        Raises:
            NotFoundError: this user has none with that id.
        """
        return await self._store.read(lambda database: find(database, user_id, conversation_id))

    async def listed(self, user_id: str, *, limit: int = 50, before: Position | None = None) -> list[Conversation]:
        """Return a page of the list: the pinned ones first, then the others, each from new to old.

        Args:
            user_id: whose they are.
            limit: how many at most.
            before: the last one of the page before; None for the first page.
        """
        after = "AND (pinned, updated, id) < (:pinned, :updated, :id)" if before else ""
        pinned, updated, last = before or (False, 0.0, "")
        query = f"""
            SELECT * FROM conversations WHERE user_id = :user AND deleted IS NULL {after}
            ORDER BY pinned DESC, updated DESC, id DESC LIMIT :limit"""  # noqa: S608 - one of two constants
        values = {"user": user_id, "pinned": int(pinned), "updated": updated, "id": last, "limit": limit}
        return await self._store.read(lambda database: [rows.conversation(r) for r in database.query(query, values)])

    async def rename(self, user_id: str, conversation_id: str, title: str) -> None:
        """Give a conversation another title.

        Raises:
            InputError: the title is empty.
            NotFoundError: this user has no such conversation.
        """
        title = clean_title(title)
        if not title:
            raise InputError(Phrase("errors.title_missing", "A conversation needs a title."), field="title")
        await self._change(user_id, conversation_id, "title = ?", title)

    async def pin(self, user_id: str, conversation_id: str, *, pinned: bool) -> None:
        """Keep a conversation at the top of the list, or no longer.

        Raises:
            NotFoundError: this user has no such conversation.
        """
        await self._change(user_id, conversation_id, "pinned = ?", int(pinned))

    async def configure(self, user_id: str, conversation_id: str, *, system: str, settings: ChatSettings) -> None:
        """Set the system prompt and the sampling settings of a conversation.

        Raises:
            InputError: the system prompt is too long.
            NoRoomError: this user keeps far more than they may.
            NotFoundError: this user has no such conversation.
        """
        text = checked_system(system)
        change = "system = ?, settings = ?"
        await self._change(user_id, conversation_id, change, text, rows.json(settings), text=text)

    async def save_draft(self, user_id: str, conversation_id: str, text: str) -> None:
        """Keep what was typed and not yet sent.

        Raises:
            NoRoomError: this user keeps far more than they may.
            NotFoundError: this user has no such conversation.
        """
        draft = text[:_LONGEST_DRAFT]
        await self._change(user_id, conversation_id, "draft = ?", draft, text=draft)

    async def delete(self, user_id: str, conversation_id: str) -> None:
        """Throw a conversation into the bin.

        Raises:
            NotFoundError: this user has no such conversation.
        """
        await self._change(user_id, conversation_id, "deleted = ?", time.time(), helps=True)

    async def restore(self, user_id: str, conversation_id: str) -> None:
        """Take a conversation out of the bin; without effect when it is not in there.

        Raises:
            NotFoundError: this user has no such conversation, or it is gone for good.
        """
        await self._store.write(lambda database: take_out(database, user_id, conversation_id))

    async def delete_all(self, user_id: str) -> None:
        """Remove all conversations of a user for good, those in the bin too, with all that belongs to them.

        They go into the bin at once and out of it a few at a time.
        """
        await self.throw_all_away(user_id)
        await empty_bin(self._store, user_id)

    async def throw_all_away(self, user_id: str) -> None:
        """Throw all conversations of a user into the bin."""
        query = "UPDATE conversations SET deleted = ? WHERE user_id = ? AND deleted IS NULL"
        await self._store.write(lambda database: database.execute(query, (time.time(), user_id)), helps=True)

    async def empty_bin(self, user_id: str) -> None:
        """Remove for good what is in the bin of a user."""
        await empty_bin(self._store, user_id)

    async def purge(self, *, older_than: float = _DAY) -> None:
        """Remove for good what has been in the bin of any user for that many seconds."""
        now = time.time()

        def run(database: Database) -> None:
            date(database, "conversations", "deleted", now)
            remove(database, "deleted <= ?", now - older_than)

        await self._store.write(run)

    async def _change(
        self, user_id: str, conversation_id: str, change: str, *values: str | float, text: str = "", helps: bool = False
    ) -> None:
        """Change columns of a conversation; `text` is what needs room, `helps` says whether the change makes some."""
        query = f"UPDATE conversations SET {change} WHERE id = ? AND user_id = ? AND deleted IS NULL"  # noqa: S608 - constants

        def run(database: Database) -> None:
            if text:
                self._quota.require(database, user_id, size_of(text), typed=True)
            if not database.execute(query, (*values, conversation_id, user_id)).rowcount:
                raise not_found()

        await self._store.write(run, helps=helps)


def not_found() -> NotFoundError:
    """Return what is said of conversations that do not exist, are in the bin, or belong to somebody else."""
    return NotFoundError(
        Phrase("errors.no_conversation", "There is no such conversation."),
        hint=Phrase("errors.no_conversation_hint", "It may have been deleted."),
    )


async def empty_bin(store: Store, user_id: str) -> None:
    """Remove for good what is in the bin of a user, a few conversations at a time: others write in between."""
    query = f"SELECT id FROM conversations WHERE user_id = ? AND deleted IS NOT NULL LIMIT {_BATCH}"  # noqa: S608 - a constant
    while ids := await store.read(lambda database: [row["id"] for row in database.query(query, (user_id,))]):
        await store.write(partial(_remove_all, ids=ids), helps=True)


def _remove_all(database: Database, ids: Sequence[str]) -> None:
    for conversation_id in ids:
        remove(database, "conversations.id = ?", conversation_id)


def find(database: Database, user_id: str, conversation_id: str) -> Conversation:
    """Return a conversation of a user.

    Raises:
        NotFoundError: this user has no such conversation.
    """
    query = "SELECT * FROM conversations WHERE id = ? AND user_id = ? AND deleted IS NULL"
    for row in database.query(query, (conversation_id, user_id)):
        return rows.conversation(row)
    raise not_found()


def insert(database: Database, conversation: Conversation) -> None:
    """Write a new conversation."""
    database.execute(
        """INSERT INTO conversations (id, user_id, title, created, updated, pinned, deleted, system, settings, leaf)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            conversation.id,
            conversation.user_id,
            conversation.title,
            conversation.created,
            conversation.updated,
            int(conversation.pinned),
            conversation.deleted,
            conversation.system,
            rows.json(conversation.settings),
            conversation.leaf,
        ),
    )


def checked_system(text: str) -> str:
    """Return a system prompt without blanks around it.

    Raises:
        InputError: it is too long.
    """
    if len(text) > _LONGEST_SYSTEM:
        raise InputError(
            Phrase(
                "errors.system_too_long",
                "The system prompt has {length} characters; at most {most}.",
                length=len(text),
                most=_LONGEST_SYSTEM,
            ),
            field="system",
        )
    return text.strip()


def take_out(database: Database, user_id: str, conversation_id: str) -> None:
    """Take a conversation out of the bin.

    Raises:
        NotFoundError: this user has no such conversation.
    """
    query = "UPDATE conversations SET deleted = NULL WHERE id = ? AND user_id = ?"
    if not database.execute(query, (conversation_id, user_id)).rowcount:
        raise not_found()


def remove(database: Database, which: str, value: str | float) -> None:
    """Delete conversations for good, with their messages (the database sees to those) and attachments.

    Args:
        database: to delete from.
        which: condition, a constant with one place for a value.
        value: for that place.
    """
    attached = f"""DELETE FROM attachments WHERE message_id IN (
        SELECT messages.id FROM messages JOIN conversations ON conversations.id = conversation_id WHERE {which})"""  # noqa: S608 - constants
    database.execute(attached, (value,))
    database.execute(f"DELETE FROM conversations WHERE {which}", (value,))  # noqa: S608 - same
