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
        return str(database.execute("SELECT value FROM device WHERE key = ?", [_ROW]).fetchone()[0])

    return await store.write(keep)
