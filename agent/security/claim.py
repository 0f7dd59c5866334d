"""Claiming: who can read the one-time code, on the device's own screen or in its journal, becomes the first admin.

A code has 40 random bits, is valid for 30 minutes and bears five wrong tries. The device is claimed as soon as it has
an admin. The age of a code is measured from the boot: a clock that jumps neither ends it nor keeps it alive.
"""

import hmac
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from sqlite_utils import Database

from agent.errors import ForbiddenError, InputError
from agent.phrase import Phrase
from agent.security import boot_clock, user_table
from agent.security.boot_clock import Moment, seconds_between
from agent.security.passwords import Passwords
from agent.security.user_table import User
from agent.store import Store

logger = logging.getLogger(__name__)

VALID_SECONDS = 30 * 60
_TRIES = 5
_ROW = "claim_code"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
_CHARACTERS = 8


class _Kept(msgspec.Struct, frozen=True):
    """A code as it is kept."""

    code: str
    made: Moment
    tries: int = 0


@dataclass(frozen=True, slots=True)
class ClaimCode:
    """A code for people.

    Attributes:
        text: as it is shown: `XXXX-XXXX`.
        expires: seconds since 1970, by the clock as it is set now.
    """

    text: str
    expires: float


class Claim:
    """Whether the device has an owner, and the code by which somebody becomes it."""

    def __init__(self, store: Store, passwords: Passwords, clock: Callable[[], Moment] = boot_clock.now) -> None:
        self._store = store
        self._passwords = passwords
        self._clock = clock
        self._claimed = False

    async def claimed(self) -> bool:
        """Tell whether the device has an admin; the last one cannot be removed, so once claimed it stays so."""
        self._claimed = self._claimed or await self._store.read(user_table.has_admin)
        return self._claimed

    async def code(self) -> ClaimCode | None:
        """Return the code that is valid now, if any."""
        now = self._clock()
        kept = await self._store.read(_read)
        return _shown(kept, now) if kept and _is_valid(kept, now) else None

    async def renew(self) -> ClaimCode:
        """Make a new code in place of any other.

        Raises:
            ForbiddenError: the device is claimed already.
        """
        now = self._clock()

        def change(database: Database) -> ClaimCode:
            _require_unclaimed(database)
            return _make(database, now)

        return await self._store.write(change)

    async def claim(self, code: str, name: str, password: str) -> User:
        """Make the first admin; of several who try, one wins.

        Raises:
            InputError: the code is wrong or has expired, or name or password cannot be used.
            ForbiddenError: the device is claimed already.
            TooManyTriesError: too many passwords are being worked on.
            StoreError: it cannot be kept.
        """
        given = code.upper().translate(_LOOKALIKES)
        if len(given) != _CHARACTERS:  # a slip, and no guess
            raise InputError(f"A code has {_CHARACTERS} letters and digits.", field="code")
        hashed = await self._passwords.hash(password)
        now = self._clock()

        def change(database: Database) -> User | None:
            kept = _require_code(database, now)
            if not hmac.compare_digest(kept.code.encode(), given.encode()):
                _count_wrong(database, kept, now)
                return None
            database.execute("DELETE FROM device WHERE key = ?", [_ROW])
            return user_table.insert(database, name, "admin", hashed)

        user = await self._store.write(change)
        if user is None:
            raise InputError("The code is wrong.", field="code", hint=f"After {_TRIES} wrong ones there is a new one.")
        return user


def _require_code(database: Database, now: Moment) -> _Kept:
    _require_unclaimed(database)
    kept = _read(database)
    if kept is None or not _is_valid(kept, now):
        raise InputError(
            "The code has expired.",
            field="code",
            hint="Restart the device, or run `edgewise claim-code` on it, to get a new one.",
        )
    return kept


def _require_unclaimed(database: Database) -> None:
    if user_table.has_admin(database):
        raise ForbiddenError(
            Phrase("errors.claimed_already", "This device is claimed already."),
            hint=Phrase("errors.claimed_already_hint", "Sign in, or ask its admin for an account."),
        )


def _count_wrong(database: Database, kept: _Kept, now: Moment) -> None:
    if kept.tries + 1 < _TRIES:
        _write(database, msgspec.structs.replace(kept, tries=kept.tries + 1))
        return
    # Logged on purpose: who can read the journal owns the device, and once used the code opens nothing.
    logger.warning("Too many wrong claim codes. The new one is %s.", _make(database, now).text)


def _make(database: Database, now: Moment) -> ClaimCode:
    kept = _Kept("".join(secrets.choice(_ALPHABET) for _ in range(_CHARACTERS)), now)
    _write(database, kept)
    return _shown(kept, now)


def _read(database: Database) -> _Kept | None:
    row = database.execute("SELECT value FROM device WHERE key = ?", [_ROW]).fetchone()
    return msgspec.json.decode(row[0], type=_Kept) if row else None


def _write(database: Database, kept: _Kept) -> None:
    row = {"key": _ROW, "value": msgspec.json.encode(kept).decode()}
    database.table("device").upsert(row, pk="key")


def _is_valid(kept: _Kept, now: Moment) -> bool:
    return seconds_between(kept.made, now) < VALID_SECONDS


def _shown(kept: _Kept, now: Moment) -> ClaimCode:
    left = VALID_SECONDS - seconds_between(kept.made, now)
    return ClaimCode(f"{kept.code[:4]}-{kept.code[4:]}", time.time() + left)
