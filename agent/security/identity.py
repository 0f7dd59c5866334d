"""Who is asking."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Role: TypeAlias = Literal["admin", "user", "guest"]
Scope: TypeAlias = Literal["chat", "models", "metrics", "admin"]

ROLES: tuple[Role, ...] = ("guest", "user", "admin")  # each may do what those before it may
SCOPES: tuple[Scope, ...] = ("chat", "models", "metrics", "admin")
OPEN_USER = "open"
"""Id of the user that everybody is with `auth = open`; its conversations stay when accounts are turned on."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A signed-in person or a program with a key.

    Attributes:
        user_id: whose conversations and keys these are; empty for keys made on the command line.
        name: of the user or the key.
        role: of the person; None for a program.
        scopes: what a program may do; empty for a person.
        session: public id of the session; empty without one.
        csrf: what forms and requests of this session must carry; empty without a session.
        language: as the person has chosen; empty: as the browser asks.
        theme: `light`, `dark` or empty: as the browser asks.
    """

    user_id: str
    name: str
    role: Role | None = None
    scopes: frozenset[Scope] = frozenset()
    session: str = ""
    csrf: str = ""
    language: str = ""
    theme: str = ""

    def has_role(self, least: Role) -> bool:
        """Tell whether this is a person with that role or a higher one."""
        return self.role is not None and ROLES.index(self.role) >= ROLES.index(least)

    def has_scope(self, scope: Scope) -> bool:
        """Tell whether this is a program that may do that; the scope `admin` has all others in it."""
        return scope in self.scopes or "admin" in self.scopes
