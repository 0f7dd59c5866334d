"""The table of users: queries and changes inside a transaction."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlite_utils import Database

from agent.errors import InputError, NotFoundError
from agent.phrase import Phrase
from agent.security.identity import OPEN_USER, ROLES, Role
from agent.security.names import checked_name, folded
from agent.security.passwords import UNUSABLE
from agent.security.tokens import new_id

_FIELDS = "id, name, role, language, theme, created"


@dataclass(frozen=True, slots=True)
class User:
    """A person with an account.

    Attributes:
        language: as the person has chosen; empty: as the browser asks.
        theme: `light`, `dark` or empty: as the browser asks.
        created: seconds since 1970.
    """

    id: str
    name: str
    role: Role
    language: str
    theme: str
    created: float


def people(database: Database) -> list[User]:
    """Return everybody with an account, by name."""
    rows = database.query(f"SELECT {_FIELDS} FROM users WHERE id != ?", [OPEN_USER])  # noqa: S608 - a constant
    return sorted((User(**row) for row in rows), key=lambda user: folded(user.name))


def by_id(database: Database, user_id: str) -> User | None:
    """Return the user with this id."""
    query = f"SELECT {_FIELDS} FROM users WHERE id = ?"  # noqa: S608 - a constant
    return next((User(**row) for row in database.query(query, [user_id])), None)


def by_name(database: Database, name: str) -> User | None:
    """Return the person of that name; SQLite ignores case in English only, so the comparison is here."""
    wanted = folded(name)
    return next((user for user in people(database) if folded(user.name) == wanted), None)


def person(database: Database, user_id: str) -> User:
    """Return somebody with an account.

    Raises:
        NotFoundError: there is nobody with this id.
    """
    user = by_id(database, user_id)
    if user is None or user_id == OPEN_USER:
        raise NotFoundError(Phrase("errors.no_user", "There is no such user."))
    return user


def has_admin(database: Database, *, but: str = "") -> bool:
    """Tell whether somebody who can sign in is an admin; `but` is an id that does not count."""
    return any(user.role == "admin" and user.id != but for user in people(database))


def insert(database: Database, name: str, role: str, password: str) -> User:
    """Add a person; `password` is a hash.

    Raises:
        InputError: the name cannot be one or is taken, or there is no such role.
    """
    user = User(new_id(), free_name(database, name), checked_role(role), "", "", time.time())
    database.table("users").insert({**asdict(user), "password": password})
    return user


def open_user(database: Database) -> User:
    """Return the user that everybody is with `auth = open`; added when there is none, and without a password."""
    user = User(OPEN_USER, OPEN_USER, "admin", "", "", time.time())
    database.table("users").insert({**asdict(user), "password": UNUSABLE}, ignore=True)
    return by_id(database, OPEN_USER) or user


def change(database: Database, user_id: str, values: Mapping[str, Any]) -> None:
    """Change columns of one user."""
    assignments = ", ".join(f"{column} = :{column}" for column in values)
    database.execute(f"UPDATE users SET {assignments} WHERE id = :id", {**values, "id": user_id})  # noqa: S608 - columns


def password(database: Database, user_id: str) -> str:
    """Return the hash of somebody's password; empty when there is none."""
    row = database.execute("SELECT password FROM users WHERE id = ?", [user_id]).fetchone()
    return str(row[0]) if row else ""


def delete(database: Database, user_id: str) -> None:
    """Delete a user with everything that is theirs."""
    database.execute("DELETE FROM users WHERE id = ?", [user_id])


def free_name(database: Database, name: str, *, of: str = "") -> str:
    """Return a name as it is kept; `of` is the id of who has it already.

    Raises:
        InputError: it cannot be a name, or somebody else has it.
    """
    checked = checked_name(name)
    holder = by_name(database, checked)
    if folded(checked) == OPEN_USER or (holder is not None and holder.id != of):
        raise InputError(f"The name {checked} is taken.", field="name")
    return checked


def checked_role(role: str) -> Role:
    """Return a role.

    Raises:
        InputError: there is no such role.
    """
    for known in ROLES:
        if role == known:
            return known
    raise InputError(f"There is no role {role!r}.", field="role", hint=f"Roles are {', '.join(ROLES)}.")
