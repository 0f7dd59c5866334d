"""Sessions that the disk does not take, because it is full or can only be read: people come in and go all the same.

They are in memory and end with the process.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlite_utils import Database

from agent.security import user_table
from agent.security.identity import Identity
from agent.security.session_table import Session
from agent.security.tokens import digest
from agent.security.user_table import User

_MOST = 100  # of all users together
_LONGEST = 30 * 86400.0  # seconds


@dataclass(frozen=True, slots=True)
class Unkept:
    """A session, with what else is known of it.

    Attributes:
        account: role and password of the user; it ends when somebody changes them, in whatever process.
        began: seconds, by a clock that nobody sets.
    """

    session: Session
    csrf: str
    account: tuple[str, str]
    began: float

    def identify(self, database: Database) -> Identity | None:
        """Return who is signed in; None when the account has changed since."""
        user = user_table.by_id(database, self.session.user_id)
        if user is None or account(database, user) != self.account:
            return None
        return Identity(
            user.id,
            user.name,
            user.role,
            session=self.session.id,
            csrf=self.csrf,
            language=user.language,
            theme=user.theme,
        )


class UnkeptSessions:
    """Those of one process. Used in the event loop only.

    Attributes:
        ended: ids of sessions that are on the disk, but whose users have signed out.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.ended: set[str] = set()
        self._clock = clock
        self._begun: dict[bytes, Unkept] = {}

    def begin(self, session: Session, token: str, csrf: str, of: tuple[str, str]) -> list[str]:
        """Add a session; returns the ids of those that ended because there are too many."""
        self._begun[digest(token)] = Unkept(session, csrf, of, self._clock())
        surplus = list(self._begun)[:-_MOST]
        return [self._begun.pop(token).session.id for token in surplus]

    def find(self, token: str) -> Unkept | None:
        """Return the session of this token."""
        found = self._begun.get(digest(token))
        return found if found in self.standing() else None

    def standing(self) -> Collection[Unkept]:
        """Return all that have not ended of old age."""
        return [unkept for unkept in self._begun.values() if self._clock() - unkept.began < _LONGEST]

    def end(self, meant: Callable[[Session], bool]) -> list[str]:
        """End the sessions that are meant; returns their ids."""
        found = {token: unkept.session.id for token, unkept in self._begun.items() if meant(unkept.session)}
        for token in found:
            del self._begun[token]
        return list(found.values())


def account(database: Database, user: User | None) -> tuple[str, str]:
    """Return what a session of a user holds for: role and password."""
    return (user.role, user_table.password(database, user.id)) if user else ("", "")
