"""Messages of conversations, as a tree of which one branch is shown.

Methods with a `user_id` serve people: somebody else's message is one that does not exist. The others serve the daemon,
which writes down what it generates.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Literal

from sqlite_utils import Database

from agent.chat import conversations, rows, tree
from agent.chat.attachments import attach
from agent.chat.ids import new_id
from agent.chat.making_room import write_with_room
from agent.chat.quota import UNBOUNDED, Quota, is_typed, size_of
from agent.chat.records import Attachment, Cause, Conversation, Message, MessageState, Stats
from agent.chat.times import stamp
from agent.errors import NotFoundError
from agent.phrase import Phrase
from agent.store import Store

_INTERRUPTED = "The device was restarted while it answered."
_COLUMNS = ", ".join(rows.MESSAGE_COLUMNS)


class Messages:
    """The messages in the database."""

    def __init__(self, store: Store, quota: Quota = UNBOUNDED) -> None:
        self._store = store
        self._quota = quota

    async def thread(self, user_id: str, conversation_id: str) -> list[Message]:
        """Return the branch that is shown, from the first message to the last.

        Raises:
            NotFoundError: this user has no such conversation.
        """

        def run(database: Database) -> list[Message]:
            leaf = conversations.find(database, user_id, conversation_id).leaf
            parents = _parents(database, conversation_id)
            return _load(database, parents, tree.branch(parents, leaf))

        return await self._store.read(run)

    async def path(self, user_id: str, message_id: str) -> list[Message]:
        """Return the messages from the first one to this one.

        Raises:
            NotFoundError: this user has no such message.
        """

        def run(database: Database) -> list[Message]:
            parents = _parents(database, _conversation(database, user_id, message_id))
            return _load(database, parents, tree.branch(parents, message_id))

        return await self._store.read(run)

    async def get(self, user_id: str, message_id: str) -> Message:
        """Return one message.

        Raises:
            NotFoundError: this user has no such message.
        """

        def run(database: Database) -> Message:
            parents = _parents(database, _conversation(database, user_id, message_id))
            return _load(database, parents, [message_id])[0]

        return await self._store.read(run)

    async def append(  # noqa: PLR0913 - what a message consists of
        self,
        user_id: str,
        conversation_id: str,
        *,
        parent_id: str | None,
        role: Literal["user", "assistant"],
        text: str,
        state: MessageState,
        attachments: Sequence[str] = (),
        model: str = "",
    ) -> Message:
        """Keep a new message after another one, or as the first (None), and show its branch.

        Raises:
            NoRoomError: this user keeps too much, or the disk has no room for a text as long as a file.
            NotFoundError: this user has no such conversation or unsent attachment, or the parent is not in it.
        """

        def run(database: Database) -> Message:
            conversations.find(database, user_id, conversation_id)
            _require_parent(database, conversation_id, parent_id)
            self._quota.require(database, user_id, size_of(text), typed=is_typed(text))
            made, now = new_id(), stamp(database, user_id)
            database.execute(
                """INSERT INTO messages (id, conversation_id, parent_id, role, text, state, model, created)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
                (made, conversation_id, parent_id, role, text, state, model, now),
            )
            attach(database, user_id, made, attachments)
            query = "UPDATE conversations SET leaf = ?, updated = ? WHERE id = ?"
            database.execute(query, (made, now, conversation_id))
            return _load(database, _parents(database, conversation_id), [made])[0]

        return await write_with_room(self._store, user_id, run)

    async def select(self, user_id: str, message_id: str) -> Conversation:
        """Show the branch of this version of a message, down to the newest message below it.

        Raises:
            NotFoundError: this user has no such message.
        """

        def run(database: Database) -> Conversation:
            conversation_id = _conversation(database, user_id, message_id)
            leaf = tree.newest_below(_parents(database, conversation_id), message_id)
            database.execute("UPDATE conversations SET leaf = ? WHERE id = ?", (leaf, conversation_id))
            return conversations.find(database, user_id, conversation_id)

        return await self._store.write(run)

    async def reopen(self, user_id: str, message_id: str) -> Message:
        """Let an answer run on that has ended, with what there is of it.

        Raises:
            NotFoundError: this user has no such message.
        """

        def run(database: Database) -> Message:
            parents = _parents(database, _conversation(database, user_id, message_id))
            query = "UPDATE messages SET state = 'running', error = '', cause = '' WHERE id = ?"
            database.execute(query, (message_id,))
            return _load(database, parents, [message_id])[0]

        return await self._store.write(run)

    async def checkpoint(self, message_id: str, text: str, thinking: str) -> bool:
        """Write down how far a running answer is; without effect, and False, when it has ended or is gone."""
        query = "UPDATE messages SET text = ?, thinking = ? WHERE id = ? AND state = 'running'"
        values = (text, thinking, message_id)
        return await self._store.write(lambda database: bool(database.execute(query, values).rowcount))

    async def exists(self, message_id: str) -> bool:
        """Tell whether a message is there, whosever it is."""
        query = "SELECT 1 FROM messages WHERE id = ?"
        return await self._store.read(lambda database: bool(database.execute(query, (message_id,)).fetchone()))

    async def finish(  # noqa: PLR0913 - what an answer consists of
        self,
        message_id: str,
        *,
        text: str,
        thinking: str,
        html: str,
        state: MessageState,
        error: str,
        cause: Cause = "",
        model: str,
        stats: Stats,
    ) -> None:
        """Write down an answer; without effect when its conversation is gone."""
        values = (text, thinking, html, state, error, cause, model, rows.json(stats), message_id)
        query = """UPDATE messages SET text = ?, thinking = ?, html = ?, state = ?, error = ?, cause = ?, model = ?,
                   stats = ? WHERE id = ?"""
        await self._store.write(lambda database: database.execute(query, values), helps=True)  # somebody has read it

    async def keep_html(self, html: Mapping[str, str]) -> None:
        """Write down how answers look, by their ids."""
        pairs = [(text, message_id) for message_id, text in html.items()]
        query = "UPDATE messages SET html = ? WHERE id = ?"
        await self._store.write(lambda database: database.conn.executemany(query, pairs))

    async def interrupted(self) -> int:
        """Declare answers failed that were running when the daemon ended; returns how many. Call it at the start."""
        query = "UPDATE messages SET state = 'failed', error = ?, cause = 'restarted' WHERE state = 'running'"
        return await self._store.write(lambda database: database.execute(query, (_INTERRUPTED,)).rowcount)


def _not_found() -> NotFoundError:
    return NotFoundError(
        Phrase("errors.no_message", "There is no such message."),
        hint=Phrase("errors.no_message_hint", "Its conversation may have been deleted."),
    )


def _conversation(database: Database, user_id: str, message_id: str) -> str:
    """Return the id of the conversation that a message of this user is in."""
    query = """SELECT conversation_id FROM messages JOIN conversations ON conversations.id = conversation_id
               WHERE messages.id = ? AND user_id = ? AND deleted IS NULL"""
    for row in database.query(query, (message_id, user_id)):
        return str(row["conversation_id"])
    raise _not_found()


def _require_parent(database: Database, conversation_id: str, parent_id: str | None) -> None:
    query = "SELECT 1 FROM messages WHERE id = ? AND conversation_id = ?"
    if parent_id is not None and not database.execute(query, (parent_id, conversation_id)).fetchone():
        raise _not_found()


def _parents(database: Database, conversation_id: str) -> dict[str, str | None]:
    query = "SELECT id, parent_id FROM messages WHERE conversation_id = ? ORDER BY number"
    return dict(database.execute(query, (conversation_id,)).fetchall())


def _load(database: Database, parents: Mapping[str, str | None], ids: Sequence[str]) -> list[Message]:
    """Return messages of one conversation in the given order; two queries, however many they are."""
    wanted = json.dumps(ids)
    query = f"SELECT {_COLUMNS} FROM messages WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608 - a constant
    found = {row["id"]: row for row in database.query(query, (wanted,))}
    attached = _attachments(database, wanted)
    versions = tree.versions(parents)
    return [rows.message(found[i], tuple(attached.get(i, ())), versions[parents[i]]) for i in ids]


def _attachments(database: Database, message_ids: str) -> dict[str, list[Attachment]]:
    query = """SELECT message_id, id, name, bytes, length(text) AS characters FROM attachments
               WHERE message_id IN (SELECT value FROM json_each(?)) ORDER BY rowid"""
    found: dict[str, list[Attachment]] = {}
    for row in database.query(query, (message_ids,)):
        found.setdefault(row.pop("message_id"), []).append(Attachment(**row))
    return found
