"""Times of what people do, on a computer that may not know what time it is."""

import time

from sqlite_utils import Database

from agent.known_time import WRITTEN

_STEP = 0.001  # seconds between two things that happen while nobody knows the time


def stamp(database: Database, user_id: str) -> float:
    """Return the time of what a user does now; while the clock is not set, just after what they have done last.

    So the conversation that was changed last stays on top, whatever the clock says.
    """
    now = time.time()
    if now >= WRITTEN:
        return now
    query = "SELECT max(updated) FROM conversations WHERE user_id = ?"
    (latest,) = database.execute(query, (user_id,)).fetchone()
    return max(now, (latest or 0.0) + _STEP)


def date(database: Database, table: str, column: str, now: float) -> None:
    """Count what has a time before anybody knew it from now on, so that it does not end at once of old age."""
    if now >= WRITTEN:
        query = f"UPDATE {table} SET {column} = ? WHERE {column} < ?"  # noqa: S608 - constants
        database.execute(query, (now, WRITTEN))
