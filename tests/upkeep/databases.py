"""app.db as tests fill it, and how they break it."""

import asyncio
import random
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database

from agent.store import Store

PAGE = 4096


def fill(state: Path, *, conversations: int = 3, messages: int = 20) -> Path:
    """Make an app.db with an admin, and messages `C-N` in conversations `C`."""
    store = Store(state / "app.db")
    store.open()
    asyncio.run(store.write(lambda database: _fill(database, conversations, messages)))
    store.close()
    return store.path


def _fill(database: Database, conversations: int, messages: int) -> None:
    noise = random.Random(1)  # noqa: S311 - no secret
    database.execute("INSERT OR IGNORE INTO users VALUES ('ann', 'Ann', 'admin', 'hash', '', '', 0)")
    database.execute("INSERT OR IGNORE INTO device VALUES ('id', '0123456789abcdef')")
    for number in range(conversations):
        name = f"c{number}"
        database.execute(
            "INSERT OR IGNORE INTO conversations (id, user_id, title, created, updated) VALUES (?, 'ann', ?, 0, 0)",
            (name, name),
        )
        for message in range(messages):
            text = " ".join(f"word{noise.randrange(5000)}" for _ in range(60))
            say(database, name, f"{name}-{message}", text)


def say(database: Database, conversation: str, message: str, text: str = "text") -> None:
    """Add a message."""
    columns = "id, conversation_id, role, text, html, state, created"
    values = (message, conversation, "user", text, f"<p>{text}</p>", "sent", 0)
    database.execute(f"INSERT INTO messages ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", values)  # noqa: S608 - constants


def change(path: Path, *statements: str) -> None:
    """Run statements on a database that nobody has open."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def messages(path: Path) -> set[str]:
    """Return the ids of all messages."""
    with closing(sqlite3.connect(path)) as connection:
        return {row[0] for row in connection.execute("SELECT id FROM messages")}


def one(path: Path, query: str) -> object:
    """Return the first value of the first row."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchone()[0]


def tear(path: Path, *, at: int, bytes_: bytes) -> None:
    """Overwrite a part of a file."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(bytes_)


def zero_pages(path: Path, *pages: int) -> None:
    """Fill whole pages with zeros, as flash memory does that has lost them; the first is 0."""
    for page in pages:
        tear(path, at=page * PAGE, bytes_=bytes(PAGE))


def pages_of(path: Path, table: str) -> list[int]:
    """Return the pages in which rows of a table lie, the first of the file being 0."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf'", (table,))
        return [number - 1 for (number,) in rows]
