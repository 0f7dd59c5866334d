"""Users: people with accounts, their roles and how they like the pages."""

import re
from collections.abc import Mapping, Sequence

from sqlite_utils import Database

from agent.errors import InputError
from agent.security import session_table, user_table
from agent.security.identity import OPEN_USER
from agent.security.passwords import Passwords
from agent.security.sessions import Sessions
from agent.security.user_table import User
from agent.store import Store

_THEMES = ("", "light", "dark")
_LANGUAGE = re.compile(r"([a-z]{2,3}(-[A-Za-z0-9]{2,8})?)?", re.ASCII)


class Users:
    """The people who may sign in. What ends their sessions is told to `sessions`."""

    def __init__(self, store: Store, passwords: Passwords, sessions: Sessions) -> None:
        self._store = store
        self._passwords = passwords
        self._sessions = sessions

    async def add(self, name: str, password: str, role: str = "user") -> User:
        """Add a person; the first must be an admin, which claims the device.

        Raises:
            InputError: name, password or role cannot be used, or the name is taken.
            TooManyTriesError: too many passwords are being worked on.
            StoreError: it cannot be kept.
        """
        hashed = await self._passwords.hash(password)

        def change(database: Database) -> User:
            if role != "admin" and not user_table.has_admin(database):
                raise InputError("The first user must be an admin.", field="role", hint="Add an admin before others.")
            return user_table.insert(database, name, role, hashed)

        return await self._store.write(change)

    async def list(self) -> Sequence[User]:
        """Return everybody with an account, by name."""
        return await self._store.read(user_table.people)

    async def get(self, user_id: str) -> User:
        """Return one user.

        Raises:
            NotFoundError: there is none with this id.
        """
        return await self._store.read(lambda database: user_table.person(database, user_id))

    async def find(self, name: str) -> User | None:
        """Return who has this name, in whatever case."""
        return await self._store.read(lambda database: user_table.by_name(database, name))

    async def check(self, name: str, password: str) -> User | None:
        """Return the user if name and password are right; takes as long for a name that nobody has.

        Raises:
            TooManyTriesError: too many passwords are being worked on.
        """
        user = await self.find(name)
        user_id = user.id if user else ""
        stored = await self._store.read(lambda database: user_table.password(database, user_id))
        return user if await self._passwords.verify(password, stored) else None

    async def open_user(self) -> User:
        """Return the user that everybody is with `auth = open`; nobody can sign in as this one."""
        user = await self._store.read(lambda database: user_table.by_id(database, OPEN_USER))
        return await self._store.write(user_table.open_user) if user is None else user

    async def rename(self, user_id: str, name: str) -> None:
        """Change the name.

        Raises:
            InputError: it cannot be a name or is taken.
            NotFoundError: there is no such user.
        """

        def change(database: Database) -> None:
            user_table.person(database, user_id)
            user_table.change(database, user_id, {"name": user_table.free_name(database, name, of=user_id)})

        await self._store.write(change)

    async def set_password(self, user_id: str, password: str, *, but: str = "") -> None:
        """Change the password and end the sessions of this user; `but` is the id of one that goes on.

        Raises:
            InputError: the password is too short or too long.
            NotFoundError: there is no such user.
            TooManyTriesError: too many passwords are being worked on.
        """
        hashed = await self._passwords.hash(password)

        def change(database: Database) -> Sequence[str]:
            user_table.person(database, user_id)
            user_table.change(database, user_id, {"password": hashed})
            return session_table.end_of_user(database, user_id, but=but)

        self._sessions.tell(await self._store.write(change))

    async def set_role(self, user_id: str, role: str) -> None:
        """Change what somebody may do; the sessions of this user end, so that nothing goes on with the old role.

        Raises:
            InputError: there is no such role, or nobody else is an admin.
            NotFoundError: there is no such user.
        """

        def change(database: Database) -> Sequence[str]:
            if user_table.person(database, user_id).role == user_table.checked_role(role):
                return []
            _require_another_admin(database, user_id)
            user_table.change(database, user_id, {"role": role})
            return session_table.end_of_user(database, user_id)

        self._sessions.tell(await self._store.write(change))

    async def remove(self, user_id: str) -> None:
        """Delete a user with all conversations, keys and sessions.

        Raises:
            InputError: nobody else is an admin.
            NotFoundError: there is no such user.
        """

        def change(database: Database) -> Sequence[str]:
            user_table.person(database, user_id)
            _require_another_admin(database, user_id)
            ended = session_table.end_of_user(database, user_id)
            user_table.delete(database, user_id)
            return ended

        self._sessions.tell(await self._store.write(change))

    async def set_language(self, user_id: str, language: str) -> None:
        """Change the language of the pages; empty: as the browser asks.

        Raises:
            InputError: that is not how a language is written.
        """
        if not _LANGUAGE.fullmatch(language):
            raise InputError(f"There is no language {language!r}.", field="language")
        await self._change(user_id, {"language": language})

    async def set_theme(self, user_id: str, theme: str) -> None:
        """Change the colours of the pages: `light`, `dark` or empty: as the browser asks.

        Raises:
            InputError: there is no such theme.
        """
        if theme not in _THEMES:
            raise InputError(f"There is no theme {theme!r}.", field="theme")
        await self._change(user_id, {"theme": theme})

    async def _change(self, user_id: str, values: Mapping[str, str]) -> None:
        await self._store.write(lambda database: user_table.change(database, user_id, values))


def _require_another_admin(database: Database, user_id: str) -> None:
    if not user_table.has_admin(database, but=user_id):
        raise InputError(
            "Nobody else is an admin, and without one nobody could look after this device.",
            field="role",
            hint="Make somebody else an admin first.",
        )
