"""The table of API keys: queries and changes inside a transaction."""

from dataclasses import asdict, dataclass
from typing import Any

import msgspec
from sqlite_utils import Database

from agent.security.identity import Role, Scope
from agent.security.names import folded
from agent.security.tokens import digest

_FIELDS = "api_keys.id, user_id, api_keys.name, ending, scopes, api_keys.created, used"
_SELECT = f"SELECT {_FIELDS}, role FROM api_keys LEFT JOIN users ON users.id = user_id"  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key.

    Attributes:
        user_id: whose it is; None when it was made on the command line.
        ending: its last characters, to tell it from others.
        scopes: what it was made for.
        used: when it was last used, seconds since 1970, give or take a minute; None: never.
    """

    id: str
    user_id: str | None
    name: str
    ending: str
    scopes: tuple[Scope, ...]
    created: float
    used: float | None

    def allowed(self, role: Role | None) -> frozenset[Scope]:
        """Return what it may do now: a key never does more than its owner, who may have become less than an admin."""
        scopes: frozenset[Scope] = frozenset(self.scopes)
        return scopes if self.user_id is None or role == "admin" else scopes & {"chat"}


def by_hash(database: Database, hashed: bytes) -> tuple[ApiKey, Role | None] | None:
    """Return the key with this hash, and the role of its owner."""
    rows = database.query(f"{_SELECT} WHERE hash = ?", [hashed])
    return next(((_key(row), row["role"]) for row in rows), None)


def everything(database: Database) -> list[ApiKey]:
    """Return all keys, by name."""
    return sorted((_key(row) for row in database.query(_SELECT)), key=lambda key: folded(key.name))


def owned_by(database: Database, user_id: str | None) -> list[ApiKey]:
    """Return the keys of one user, by name."""
    return [key for key in everything(database) if key.user_id == user_id]


def role_of(database: Database, user_id: str | None) -> Role | None:
    """Return the role of a user; None when there is no such user."""
    row = database.execute("SELECT role FROM users WHERE id = ?", [user_id]).fetchone()
    role: Role | None = row[0] if row else None
    return role


def insert(database: Database, key: ApiKey, secret: str) -> None:
    """Add a key."""
    scopes = msgspec.json.encode(key.scopes).decode()
    database.table("api_keys").insert({**asdict(key), "scopes": scopes, "hash": digest(secret)})


def delete(database: Database, key_id: str, anybody: bool, user_id: str) -> bool:  # noqa: FBT001 - a parameter of SQL
    """Delete a key, of anybody or of one user; tells whether there was one."""
    query = "DELETE FROM api_keys WHERE id = ? AND (? OR user_id = ?)"
    return database.execute(query, [key_id, anybody, user_id]).rowcount > 0


def note_use(database: Database, key_id: str, now: float) -> None:
    """Remember that a key was used."""
    database.execute("UPDATE api_keys SET used = ? WHERE id = ?", [now, key_id])


def _key(row: dict[str, Any]) -> ApiKey:
    scopes = msgspec.json.decode(row["scopes"], type=tuple[Scope, ...])
    return ApiKey(row["id"], row["user_id"], row["name"], row["ending"], scopes, row["created"], row["used"])
