"""The table of sessions: queries and changes inside a transaction."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlite_utils import Database

from agent.known_time import WRITTEN
from agent.security.identity import Identity
from agent.security.tokens import digest

LIFETIME = 180 * 86400  # seconds in all, and how long a browser keeps the cookie
_UNUSED = 30 * 86400  # seconds without use
_MOST = 100  # per user; a script that signs in for every request does not fill the disk

_UNDATED = f"sessions.created < {WRITTEN}"  # begun by a clock that nobody had set; see `date`
_VALID = f"({_UNDATED} OR seen > :now - {_UNUSED} AND sessions.created > :now - {LIFETIME})"
_SURPLUS = f"id IN (SELECT id FROM sessions WHERE user_id = :user_id ORDER BY seen DESC LIMIT -1 OFFSET {_MOST - 1})"  # noqa: S608 - constants
_ALL = f"SELECT id, user_id, created, seen, agent, address FROM sessions WHERE {_VALID} ORDER BY seen DESC"  # noqa: S608 - constants
_IDENTITY = f"""
    SELECT user_id, name, role, sessions.id AS session, csrf, language, theme, seen
    FROM sessions JOIN users ON users.id = user_id
    WHERE token = :token AND {_VALID}
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Session:
    """A browser in which somebody is signed in.

    Attributes:
        created: when it began, seconds since 1970; `seen` is when it was last used, give or take five minutes.
        agent: the browser, as it names itself.
        address: where it signed in from.
    """

    id: str
    user_id: str
    created: float
    seen: float
    agent: str
    address: str


def standing(database: Database, now: float) -> list[Session]:
    """Return all sessions that have not ended, the last used first."""
    return [Session(**row) for row in database.query(_ALL, {"now": now})]


def identify(database: Database, token: str, now: float) -> tuple[Identity, float] | None:
    """Return whose token this is and when it was last used; None when its session has ended."""
    row = next(iter(database.query(_IDENTITY, {"token": digest(token), "now": now})), None)
    if row is None:
        return None
    seen: float = row.pop("seen")
    return Identity(**row), seen


def date(database: Database, now: float) -> None:
    """Count the sessions from now on that began before the computer knew the time, if it does now."""
    if now >= WRITTEN:
        database.execute(f"UPDATE sessions SET created = :now, seen = :now WHERE {_UNDATED}", {"now": now})  # noqa: S608 - a constant


def begin(database: Database, session: Session, token: str, csrf: str) -> list[str]:
    """Add a session; returns the ids of those that ended of old age, or because the user has too many."""
    date(database, session.created)
    ended = end(database, f"NOT ({_VALID})", {"now": session.created})
    ended += end(database, f"user_id = :user_id AND {_SURPLUS}", {"user_id": session.user_id})
    kept = {**asdict(session), "token": digest(token), "csrf": csrf}
    database.table("sessions").insert(kept)
    return ended


def end(database: Database, condition: str, parameters: Mapping[str, object]) -> list[str]:
    """Delete the sessions that meet a condition in SQL; returns their ids."""
    query = f"SELECT id FROM sessions WHERE {condition}"  # noqa: S608 - conditions are constants
    ended = [str(row["id"]) for row in database.query(query, dict(parameters))]
    for session_id in ended:
        database.execute("DELETE FROM sessions WHERE id = ?", [session_id])
    return ended


def end_of_user(database: Database, user_id: str, *, but: str = "") -> list[str]:
    """Delete the sessions of a user but for one; returns their ids."""
    return end(database, "user_id = :user_id AND id != :but", {"user_id": user_id, "but": but})
