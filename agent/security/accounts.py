"""Accounts: everything that decides who gets in."""

import logging
from dataclasses import dataclass
from pathlib import Path

from agent.errors import SignInError, StoreError
from agent.security.attempts import Attempts
from agent.security.claim import Claim
from agent.security.identity import Identity
from agent.security.keys import Keys
from agent.security.local_key import LocalKey
from agent.security.passwords import Passwords
from agent.security.sessions import Sessions
from agent.security.user_table import User
from agent.security.users import Users
from agent.store import Store

logger = logging.getLogger(__name__)

_CLAIM = ""  # stands for the account that is tried with a claim code; no person has an empty name


@dataclass(frozen=True)
class Accounts:
    """The parts, and what takes several of them."""

    claim: Claim
    users: Users
    sessions: Sessions
    keys: Keys
    attempts: Attempts
    local_key: LocalKey

    @classmethod
    def on(cls, store: Store, state_dir: Path) -> "Accounts":
        """Return the accounts that are kept in app.db; `state_dir` is where the local key lies."""
        passwords, sessions = Passwords(), Sessions(store)
        return cls(
            claim=Claim(store, passwords),
            users=Users(store, passwords, sessions),
            sessions=sessions,
            keys=Keys(store),
            attempts=Attempts(),
            local_key=LocalKey(state_dir),
        )

    async def start(self) -> None:
        """Begin as the daemon, with the store open: make the local key, and a claim code while there is no admin."""
        try:
            if not await self.claim.claimed():
                await self.claim.renew()
            self.local_key.create()
        except StoreError as error:  # people can come in all the same
            logger.error("%s %s", error.message, error.hint)  # noqa: TRY400 - the message says it all

    def stop(self) -> None:
        """End as the daemon."""
        self.local_key.remove()

    async def claim_device(
        self, code: str, name: str, password: str, *, agent: str, address: str
    ) -> tuple[str, Identity]:
        """Make the first admin and sign in; returns the token for the cookie.

        Raises:
            InputError: the code is wrong or has expired, or name or password cannot be used.
            ForbiddenError: the device is claimed already.
            TooManyTriesError: this address has to wait.
            StoreError: it cannot be kept.
        """
        self.attempts.admit(address, _CLAIM)
        user = await self.claim.claim(code, name, password)
        self.attempts.forget(address, _CLAIM)
        return await self._begin(user, agent=agent, address=address)

    async def sign_in(
        self, name: str, password: str, *, agent: str, address: str, old: str = ""
    ) -> tuple[str, Identity]:
        """Begin a session and end that of the token `old`; returns the token for the cookie.

        Raises:
            SignInError: name or password is wrong.
            TooManyTriesError: this address has to wait.
            StoreError: it cannot be kept.
        """
        user = await self.check_password(name, password, address=address)
        return await self._begin(user, agent=agent, address=address, old=old)

    async def check_password(self, name: str, password: str, *, address: str) -> User:
        """Return whose name and password these are; wrong ones count as tries of the address.

        Raises:
            SignInError: name or password is wrong.
            TooManyTriesError: this address has to wait.
        """
        self.attempts.admit(address, name)
        user = await self.users.check(name, password)
        if user is None:
            logger.warning("A sign-in from %s failed.", address)  # no name: people type passwords into that field
            raise SignInError("Name or password is wrong.")
        self.attempts.forget(address, name)
        return user

    async def identify_session(self, token: str) -> Identity | None:
        """Return who is signed in with this token, if anybody."""
        return await self.sessions.identify(token)

    async def identify_key(self, secret: str, *, loopback: bool = False) -> Identity | None:
        """Return which program has this key; the local key counts only with `loopback`: a peer on this computer."""
        local = self.local_key.identify(secret) if loopback else None
        return local or await self.keys.identify(secret)

    async def _begin(self, user: User, *, agent: str, address: str, old: str = "") -> tuple[str, Identity]:
        token, _ = await self.sessions.begin(user.id, agent=agent, address=address, old=old)
        identity = await self.sessions.identify(token)
        if identity is None:
            raise SignInError("This account was removed a moment ago.")
        return token, identity
