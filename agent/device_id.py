"""The id of this device: random, made once, kept in the table `device` of app.db."""

import secrets

from sqlite_utils import Database

from agent.store import Store

_ROW = "id"
_BYTES = 8


async def device_id(store: Store) -> str:
    """Return the id, 16 hexadecimal digits; the first time it is made.

    Raises:
        StoreError: the database cannot be written.
    """
    fresh = secrets.token_hex(_BYTES)

    def keep(database: Database) -> str:
        database.execute("INSERT OR IGNORE INTO device (key, value) VALUES (?, ?)", [_ROW, fresh])
        return _kept(database)

    return await store.read(_kept) or await store.write(keep)  # it may be on a disk that can only be read


def _kept(database: Database) -> str:
    row = database.execute("SELECT value FROM device WHERE key = ?", [_ROW]).fetchone()
    return str(row[0]) if row else ""
