"""Files that go with a message: only their text is kept."""

import asyncio
import re
import time
from collections.abc import Iterable, Mapping, Sequence

from sqlite_utils import Database

from agent.chat import conversations
from agent.chat.decoding import ACCEPTED, decode
from agent.chat.extract import LONGEST
from agent.chat.filenames import safe_name
from agent.chat.ids import new_id
from agent.chat.making_room import write_with_room
from agent.chat.pdf import PdfReader, is_pdf
from agent.chat.quota import UNBOUNDED, Quota, size_of
from agent.chat.records import Attachment
from agent.chat.times import date
from agent.errors import InputError, NotFoundError
from agent.phrase import Phrase
from agent.store import Store
from agent.units import format_bytes

LARGEST = 10 << 20
"""Bytes that an attached file may have."""

_DAY = 24 * 3600
_FENCES = re.compile(r"`{3,}")
_MOST_UNSENT = 20  # per user
_COLUMNS = "id, name, bytes, length(text) AS characters"


class Attachments:
    """The attached texts in the database."""

    def __init__(self, store: Store, quota: Quota = UNBOUNDED) -> None:
        self._store = store
        self._quota = quota
        self._pdf = PdfReader()

    async def add(self, user_id: str, name: str, content: bytes, *, composer: str | None = None) -> Attachment:
        """Take the text out of a file and keep it until it is sent with a message.

        Args:
            user_id: whose it is.
            name: of the file.
            content: of the file.
            composer: conversation in which it waits to be sent; None: for a new one.

        Raises:
            InputError: it is too large, or there is no text in it that can be read.
            NoRoomError: this user has no room for it, or the disk has none.
            NotFoundError: this user has no such conversation.
        """
        name = safe_name(name)
        if len(content) > LARGEST:
            size = format_bytes(len(content))
            raise InputError(
                Phrase(
                    "errors.file_too_large",
                    "{name} has {size}; at most {most} can be attached.",
                    name=name,
                    size=size,
                    most=format_bytes(LARGEST),
                ),
                field="file",
            )
        text = await self._text(name, content)
        made = Attachment(new_id(), name, len(content), len(text))

        def run(database: Database) -> None:
            self._quota.require(database, user_id, size_of(text))
            _insert(database, user_id, composer, made, text)

        await write_with_room(self._store, user_id, run)
        return made

    async def text(self, user_id: str, attachment_id: str) -> str:
        """Return the text of an attachment.

        Raises:
            NotFoundError: this user has no such attachment.
        """
        return await self._store.read(lambda database: str(_row(database, user_id, attachment_id)["text"]))

    async def name(self, user_id: str, attachment_id: str) -> str:
        """Return the name of an attachment.

        Raises:
            NotFoundError: this user has no such attachment.
        """
        return await self._store.read(lambda database: str(_row(database, user_id, attachment_id)["name"]))

    async def copy(self, user_id: str, attachment_ids: Sequence[str]) -> list[str]:
        """Return the ids of copies that are not sent yet, for a new version of a message.

        Raises:
            NoRoomError: this user has no room for them, or the disk has none.
            NotFoundError: this user has no such attachment.
        """

        def run(database: Database) -> list[str]:
            found = [_row(database, user_id, attachment_id) for attachment_id in attachment_ids]
            if found:
                size = sum(size_of(str(row["text"])) for row in found)
                self._quota.require(database, user_id, size)
            return [_copy(database, row) for row in found]

        return await write_with_room(self._store, user_id, run)

    async def unsent(self, user_id: str, composer: str | None = None) -> list[Attachment]:
        """Return what waits to be sent in a conversation, or for a new one (None)."""
        query = f"""SELECT {_COLUMNS} FROM attachments
                    WHERE user_id = ? AND message_id IS NULL AND composer IS ? ORDER BY rowid"""  # noqa: S608 - a constant
        values = (user_id, composer)
        return await self._store.read(lambda database: [Attachment(**row) for row in database.query(query, values)])

    async def remove(self, user_id: str, attachment_id: str) -> None:
        """Delete an attachment that was not sent.

        Raises:
            NotFoundError: this user has no such attachment.
        """
        query = "DELETE FROM attachments WHERE id = ? AND user_id = ? AND message_id IS NULL"

        def run(database: Database) -> None:
            if not database.execute(query, (attachment_id, user_id)).rowcount:
                raise _not_found()

        await self._store.write(run, helps=True)

    async def purge(self, *, older_than: float = _DAY) -> None:
        """Delete what was uploaded that many seconds ago by any user, and never sent."""
        now = time.time()
        query = "DELETE FROM attachments WHERE message_id IS NULL AND created <= ?"

        def run(database: Database) -> None:
            date(database, "attachments", "created", now)
            database.execute(query, (now - older_than,))

        await self._store.write(run)

    async def _text(self, name: str, content: bytes) -> str:
        if is_pdf(content):
            return await self._pdf.read(name, content)
        text = await asyncio.to_thread(decode, name, content)
        if not text.strip():
            raise InputError(Phrase("errors.file_empty", "{name} is empty.", name=name), field="file", hint=ACCEPTED)
        if len(text) > LONGEST:
            raise InputError(
                Phrase(
                    "errors.file_too_long",
                    "{name} has {length} characters; at most {most} can be attached.",
                    name=name,
                    length=len(text),
                    most=LONGEST,
                ),
                field="file",
            )
        return text


def as_prompt(files: Iterable[tuple[str, str]]) -> str:
    """Return files as the model reads them: of each its name, and its text in a fence that the text cannot close."""
    return "\n\n".join(_quoted(name, text) for name, text in files)


def attach(database: Database, user_id: str, message_id: str, attachment_ids: Sequence[str]) -> None:
    """Send attachments with a message.

    Raises:
        NotFoundError: this user has no such attachment that was not sent yet.
    """
    query = "UPDATE attachments SET message_id = ?, composer = NULL WHERE id = ? AND user_id = ? AND message_id IS NULL"
    for attachment_id in attachment_ids:
        if not database.execute(query, (message_id, attachment_id, user_id)).rowcount:
            raise _not_found()


def insert(database: Database, row: Mapping[str, object]) -> None:
    """Write a new row, of all columns."""
    database.execute(
        """INSERT INTO attachments (id, user_id, message_id, composer, name, bytes, text, created)
           VALUES (:id, :user_id, :message_id, :composer, :name, :bytes, :text, :created)""",
        dict(row),
    )


def _quoted(name: str, text: str) -> str:
    fence = "`" * (1 + max((len(found) for found in _FENCES.findall(text)), default=2))
    return f"File {name}:\n{fence}\n{text}\n{fence}"


def _insert(database: Database, user_id: str, composer: str | None, made: Attachment, text: str) -> None:
    if composer is not None:
        conversations.find(database, user_id, composer)
    query = "SELECT count(*) FROM attachments WHERE user_id = ? AND message_id IS NULL"
    (count,) = database.execute(query, (user_id,)).fetchone()
    if count >= _MOST_UNSENT:
        raise InputError(
            Phrase("errors.files_waiting", "{count} files wait to be sent already.", count=count),
            field="file",
            hint=Phrase("errors.files_waiting_hint", "Send or remove some of them."),
        )
    row = {"user_id": user_id, "message_id": None, "composer": composer, "created": time.time(), "text": text}
    insert(database, {**row, "id": made.id, "name": made.name, "bytes": made.bytes})


def _copy(database: Database, row: Mapping[str, object]) -> str:
    made = {"id": new_id(), "message_id": None, "created": time.time()}
    insert(database, {**row, **made})
    return str(made["id"])


def _row(database: Database, user_id: str, attachment_id: str) -> dict[str, object]:
    query = "SELECT * FROM attachments WHERE id = ? AND user_id = ?"
    for row in database.query(query, (attachment_id, user_id)):
        return row
    raise _not_found()


def _not_found() -> NotFoundError:
    return NotFoundError(
        Phrase("errors.no_attachment", "There is no such attachment."),
        hint=Phrase("errors.no_attachment_hint", "Files that are not sent within a day are removed."),
    )
