"""Sessions: who is signed in, on which browsers, and until when.

A cookie holds a random token of which only the hash is kept. A session ends after 30 days without use, after 180 days
in all, and when somebody ends it; what listens to it is told at once. One that the disk does not take is in memory.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from sqlite_utils import Database

from agent.errors import NotFoundError, StoreError, UnwritableError
from agent.phrase import Phrase
from agent.security import session_table, user_table
from agent.security.endings import Endings
from agent.security.identity import Identity
from agent.security.session_table import Session
from agent.security.tokens import digest, new_id, new_secret
from agent.security.unkept import UnkeptSessions, account
from agent.store import Store
from agent.waiting import wait_at_most

logger = logging.getLogger(__name__)

_SEEN_STEP = 300  # seconds between two writes of `seen`: an SD card wears out
_AGENT_CHARACTERS = 200
_CHECK_SECONDS = 10.0  # how soon an end by the command line, or of old age, is noticed


class Sessions:
    """The sessions of all users."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._endings = Endings()
        self._unkept = UnkeptSessions()

    async def begin(self, user_id: str, *, agent: str, address: str, old: str = "") -> tuple[str, Session]:
        """Begin a session and end the one that the browser had; returns the token for the cookie.

        Raises:
            StoreError: the database is damaged or locked.
        """
        token, csrf, now = new_secret(), new_secret(), self._clock()
        session = Session(new_id(), user_id, now, now, agent[:_AGENT_CHARACTERS], address)

        def change(database: Database) -> list[str]:
            replaced = session_table.end(database, "token = :token", {"token": digest(old)})
            return replaced + session_table.begin(database, session, token, csrf)

        try:
            self.tell(await self._store.write(change, helps=True))
        except UnwritableError as error:
            logger.warning("A session is not kept and ends with this process: %s", error.message)
            await self.end(old)
            of = await self._store.read(lambda database: account(database, user_table.by_id(database, user_id)))
            self.tell(self._unkept.begin(session, token, csrf, of))
        return token, session

    async def identify(self, token: str) -> Identity | None:
        """Return who has this token, or None when its session has ended.

        Raises:
            StoreError: the database cannot be read.
        """
        unkept, now = self._unkept.find(token), self._clock()
        if unkept is not None:
            return await self._store.read(unkept.identify)
        found = await self._store.read(lambda database: session_table.identify(database, token, now))
        if found is None or found[0].session in self._unkept.ended:
            return None
        identity, seen = found
        if now - seen > _SEEN_STEP:  # never set back: a clock that starts in 1970 would end every session later
            await self._note_use(identity.session, now)
        return identity

    async def list(self, user_id: str) -> Sequence[Session]:
        """Return the sessions of one user, the last used first."""
        return [session for session in await self.all() if session.user_id == user_id]

    async def all(self) -> Sequence[Session]:
        """Return the sessions of all users, the last used first."""
        unkept, now = self._unkept.standing(), self._clock()

        def query(database: Database) -> list[Session]:
            in_memory = [each.session for each in unkept if each.identify(database)]
            return in_memory + session_table.standing(database, now)

        return [session for session in await self._store.read(query) if session.id not in self._unkept.ended]

    async def revoke(self, session_id: str, *, by: Identity) -> None:
        """End one session; admins may end those of others.

        Raises:
            NotFoundError: there is none, or it is of somebody else.
        """
        anybody = by.has_role("admin")
        ended = self._unkept.end(lambda each: each.id == session_id and (anybody or each.user_id == by.user_id))
        self.tell(ended)
        condition = "id = :id" if anybody else "id = :id AND user_id = :user_id"
        if not (ended or await self._end(condition, id=session_id, user_id=by.user_id)):
            raise NotFoundError(Phrase("errors.no_session", "There is no such session."))

    async def revoke_all(self, user_id: str, *, but: str = "") -> None:
        """End all sessions of a user; `but` is the id of one that goes on.

        Raises:
            UnwritableError: those on the disk go on; those in memory have ended.
        """
        self.tell(self._unkept.end(lambda session: session.user_id == user_id and session.id != but))
        self.tell(await self._store.write(lambda database: session_table.end_of_user(database, user_id, but=but)))

    async def end(self, token: str) -> None:
        """End the session of this token, if there is one: its user signs out, also where that cannot be kept."""
        if unkept := self._unkept.find(token):
            self.tell(self._unkept.end(lambda session: session == unkept.session))
            return
        try:
            await self._end("token = :token", token=digest(token))
        except UnwritableError as error:
            now = self._clock()
            if found := await self._store.read(lambda database: session_table.identify(database, token, now)):
                logger.warning("A session has ended, but comes back with the next start: %s", error.message)
                self._unkept.ended.add(found[0].session)
                self.tell([found[0].session])

    def watch(self, session_id: str) -> AbstractContextManager[asyncio.Event]:
        """Give an event that is set as soon as this process ends the session."""
        return self._endings.watch(session_id)

    async def until_ended(self, session_id: str) -> None:
        """Return when the session has ended: at once, or within ten seconds if another process or old age did it.

        Raises:
            StoreError: the database cannot be read.
        """
        with self.watch(session_id) as ended:
            while not ended.is_set() and session_id in {session.id for session in await self.all()}:
                await wait_at_most(ended, _CHECK_SECONDS)

    def tell(self, ended: Sequence[str]) -> None:
        """Tell whoever watches these sessions that they have ended."""
        self._endings.tell(ended)

    async def _end(self, condition: str, **parameters: object) -> Sequence[str]:
        ended = await self._store.write(lambda database: session_table.end(database, condition, parameters), helps=True)
        self.tell(ended)
        return ended

    async def _note_use(self, session_id: str, now: float) -> None:
        def change(database: Database) -> None:
            session_table.date(database, now)
            database.execute("UPDATE sessions SET seen = max(seen, ?) WHERE id = ?", [now, session_id])

        try:
            await self._store.write(change)
        except StoreError as error:  # a full disk must not keep people out
            logger.warning("It could not be noted that a session was used: %s", error.message)
