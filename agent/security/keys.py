"""API keys: programs that may ask, and what for. A key is shown once; only its hash is kept."""

import logging
import time
from collections.abc import Callable, Collection, Sequence

from sqlite_utils import Database

from agent.errors import ForbiddenError, InputError, NotFoundError, StoreError
from agent.phrase import Phrase
from agent.security import key_table
from agent.security.identity import OPEN_USER, SCOPES, Identity, Scope
from agent.security.key_table import ApiKey
from agent.security.names import checked_name, folded
from agent.security.tokens import digest, new_id, new_secret
from agent.store import Store

logger = logging.getLogger(__name__)

_PREFIX = "esk_"  # "Edgewise secret key": programs that look for leaked secrets need something to find
_ENDING = 4  # characters that pages show; the others still have 234 random bits
_USED_STEP = 60  # seconds between two writes of `used`


class Keys:
    """The API keys of all users, and those that were made on the command line."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def create(self, name: str, scopes: Collection[str], user_id: str | None = None) -> tuple[ApiKey, str]:
        """Make a key; returns it with its secret, which is not kept. `user_id` is None on the command line.

        Raises:
            InputError: the name or a scope cannot be used, or the owner has a key of that name.
            ForbiddenError: only admins may have keys for more than chat; the user of `auth = open` may have none.
            StoreError: it cannot be kept.
        """
        if user_id == OPEN_USER:  # such a key would be a stranger's way in once accounts are turned on
            raise ForbiddenError(Phrase("errors.keys_not_needed", "With auth = open no key is needed."))
        secret = _PREFIX + new_secret()
        checked = _checked_scopes(scopes)
        key = ApiKey(new_id(), user_id, checked_name(name), secret[-_ENDING:], checked, self._clock(), None)

        def change(database: Database) -> None:
            if key.allowed(key_table.role_of(database, user_id)) != frozenset(checked):
                raise ForbiddenError(
                    Phrase("errors.keys_for_chat_only", "Only admins may have keys for more than chat.")
                )
            if any(folded(other.name) == folded(key.name) for other in key_table.owned_by(database, user_id)):
                raise InputError(f"There is a key {key.name} already.", field="name")
            key_table.insert(database, key, secret)

        await self._store.write(change)
        return key, secret

    async def identify(self, secret: str) -> Identity | None:
        """Return which program this is, or None when there is no such key.

        Raises:
            StoreError: the database cannot be read.
        """
        if not secret.startswith(_PREFIX):
            return None
        found = await self._store.read(lambda database: key_table.by_hash(database, digest(secret)))
        if found is None:
            return None
        key, role = found
        if key.used is None or abs(self._clock() - key.used) > _USED_STEP:
            await self._note_use(key.id)
        return Identity(key.user_id or "", key.name, scopes=key.allowed(role))

    async def list(self, user_id: str | None) -> Sequence[ApiKey]:
        """Return the keys of one user, by name; those of the command line with None."""
        return await self._store.read(lambda database: key_table.owned_by(database, user_id))

    async def all(self) -> Sequence[ApiKey]:
        """Return all keys, by name."""
        return await self._store.read(key_table.everything)

    async def find(self, wanted: str) -> ApiKey:
        """Return the key with this id or name, or the only one whose name begins so.

        Raises:
            NotFoundError: there is none.
            InputError: there are several.
        """
        keys = await self.all()
        for same in (_has_id, _has_name, _begins):
            found = [key for key in keys if same(key, wanted)]
            if len(found) > 1:
                several = ", ".join(f"{key.name} ({key.id})" for key in found)
                raise InputError(f"{wanted!r} means several keys: {several}.", hint="Use the id.")
            if found:
                return found[0]
        raise NotFoundError(f"There is no key {wanted!r}.", hint="`edgewise keys list` shows all.")

    async def revoke(self, key_id: str, *, by: Identity) -> None:
        """Delete a key, which is refused from now on; admins may delete those of others.

        Raises:
            NotFoundError: there is none, or it is of somebody else.
        """
        anybody = by.has_role("admin") or by.has_scope("admin")
        if not await self._store.write(lambda database: key_table.delete(database, key_id, anybody, by.user_id)):
            raise NotFoundError(Phrase("errors.no_key", "There is no such key."))

    async def _note_use(self, key_id: str) -> None:
        try:
            await self._store.write(lambda database: key_table.note_use(database, key_id, self._clock()))
        except StoreError as error:  # a full disk must not keep programs out
            logger.warning("It could not be noted that a key was used: %s", error.message)


def _checked_scopes(scopes: Collection[str]) -> tuple[Scope, ...]:
    """Return scopes in their order, each once.

    Raises:
        InputError: there is none, or one that does not exist.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        what = f"There is no scope {unknown[0]!r}." if unknown else "A key needs a scope."
        raise InputError(what, field="scopes", hint=f"Scopes are {', '.join(SCOPES)}.")
    return tuple(scope for scope in SCOPES if scope in scopes)


def _has_id(key: ApiKey, wanted: str) -> bool:
    return key.id == wanted


def _has_name(key: ApiKey, wanted: str) -> bool:
    return folded(key.name) == folded(wanted)


def _begins(key: ApiKey, wanted: str) -> bool:
    return bool(folded(wanted)) and folded(key.name).startswith(folded(wanted))
