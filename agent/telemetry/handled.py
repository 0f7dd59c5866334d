"""The commands of the last day, in app.db: what comes twice is carried out once, also after a restart.

Those that change nothing are known in memory only, for as long as that is likely to help.
"""

import hashlib
import time
from dataclasses import dataclass, replace

import msgspec
from sqlite_utils import Database

from agent.store import Store
from agent.telemetry.answers import encode
from agent.telemetry.payloads import Response

_KEPT = 86_400.0  # seconds
_MOST = 1000
_FLEETING = 100
_FUTURE = 60.0  # seconds; a clock was set back since
_COLUMNS = "id, name, hash, args, topic, correlation, created, response"


@dataclass(frozen=True)
class Handled:
    """A command that was accepted.

    Attributes:
        args: JSON; empty where they are not kept.
        topic: where its answer goes.
        response: JSON; empty while it is carried out.
    """

    id: str
    name: str
    hash: bytes
    args: str
    topic: str
    correlation: bytes
    created: float
    response: str = ""

    def answer(self) -> Response | None:
        """Return what it was answered; None: nothing yet."""
        return msgspec.json.decode(self.response, type=Response) if self.response else None


class Fleeting:
    """The latest commands that change nothing: a hub that asks each second whether a device is there wears no card."""

    def __init__(self) -> None:
        self._rows: dict[str, Handled] = {}

    def find(self, identifier: str) -> Handled | None:
        """Return what is known of a command."""
        return self._rows.get(identifier)

    def keep(self, command: Handled) -> None:
        """Note a command that is going to be carried out; forget the oldest."""
        self._rows[command.id] = command
        if len(self._rows) > _FLEETING:
            del self._rows[next(iter(self._rows))]

    def finish(self, response: Response) -> None:
        """Note what a command was answered."""
        if row := self._rows.get(response.id):
            self._rows[row.id] = replace(row, response=encode(response).decode())


def fingerprint(name: str, args: object) -> bytes:
    """Return what two requests have in common that ask for the same."""
    return hashlib.sha256(msgspec.json.encode([name, args], order="deterministic")).digest()


async def find(store: Store, identifier: str) -> Handled | None:
    """Return what is known of a command.

    Raises:
        StoreError: the database cannot be read.
    """
    query = f"SELECT {_COLUMNS} FROM commands WHERE id = ?"  # noqa: S608 - our own columns
    row = await store.read(lambda database: database.execute(query, [identifier]).fetchone())
    return None if row is None else Handled(*row)


async def keep(store: Store, command: Handled) -> None:
    """Note that a command is going to be carried out; forget those that nobody will send again.

    Raises:
        StoreError: the database cannot be written.
    """
    values = [getattr(command, name) for name in _COLUMNS.split(", ")]

    def change(database: Database) -> None:
        now = time.time()
        database.execute("DELETE FROM commands WHERE created < ? OR created > ?", [now - _KEPT, now + _FUTURE])
        latest = "SELECT rowid FROM commands ORDER BY created DESC LIMIT ?"
        database.execute(f"DELETE FROM commands WHERE rowid NOT IN ({latest})", [_MOST - 1])  # noqa: S608 - as above
        marks = ", ".join("?" * len(values))
        database.execute(f"INSERT INTO commands ({_COLUMNS}) VALUES ({marks})", values)  # noqa: S608 - as above

    await store.write(change)


async def finish(store: Store, response: Response) -> None:
    """Note what a command was answered.

    Raises:
        StoreError: the database cannot be written.
    """
    values = [encode(response).decode(), response.id]
    await store.write(lambda database: database.execute("UPDATE commands SET response = ? WHERE id = ?", values))


async def unfinished(store: Store) -> list[Handled]:
    """Return the commands that have no answer, the oldest first.

    Raises:
        StoreError: the database cannot be read.
    """
    query = f"SELECT {_COLUMNS} FROM commands WHERE response = '' ORDER BY created"  # noqa: S608 - our own columns
    return [Handled(*row) for row in await store.read(lambda database: database.execute(query).fetchall())]


async def recent(store: Store, name: str, seconds: float) -> int:
    """Return how often a command was accepted in so many seconds.

    Raises:
        StoreError: the database cannot be read.
    """
    query, values = "SELECT count(*) FROM commands WHERE name = ? AND created > ?", [name, time.time() - seconds]
    return int(await store.read(lambda database: database.execute(query, values).fetchone()[0]))
