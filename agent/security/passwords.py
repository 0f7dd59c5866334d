"""Passwords: what is kept of them, and how they are compared without a flood of tries taking the memory.

The hash is scrypt with 32 MiB, 65 ms on an x86 core of 2023. It is kept in the PHC string format with its parameters:
`$scrypt$ln=15,r=8,p=1$SALT$HASH`.
"""

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
import threading
import unicodedata
from collections.abc import Callable
from typing import TypeVar

from agent.errors import InputError, TooManyTriesError
from agent.phrase import Phrase
from agent.threads import begun

T = TypeVar("T")

LEAST_CHARACTERS = 8
MOST_BYTES = 1024
UNUSABLE = ""
"""Stands where a hash would, for a user that nobody can sign in as."""

_LOG_N, _R, _P = 15, 8, 1  # OWASP's password storage cheat sheet, for scrypt with 32 MiB
_SALT_BYTES = 16
_HASH_BYTES = 32
_STORED = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w+/]+)\$([\w+/]+)", re.ASCII)
_PLACES = 8  # who may be compared or wait for it: 8 x 1 s on a slow board is as long as a page may take
_RETRY_AFTER = 5  # seconds


def hash_password(text: str) -> str:
    """Return what is kept of a password.

    Raises:
        InputError: it is too short or too long.
    """
    check_password(text)
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"$scrypt$ln={_LOG_N},r={_R},p={_P}${_encode(salt)}${_encode(_scrypt(text, salt, _LOG_N, _R, _P))}"


def verify_password(text: str, stored: str) -> bool:
    """Tell whether this is the password; without a usable hash it takes as long, so that nobody learns who exists."""
    found = _STORED.fullmatch(stored)
    if found is None:
        _scrypt(text, bytes(_SALT_BYTES), _LOG_N, _R, _P)
        return False
    log_n, r, p = (int(number) for number in found.groups()[:3])
    salt, expected = (_decode(part) for part in found.groups()[3:])
    return hmac.compare_digest(_scrypt(text, salt, log_n, r, p), expected)


def check_password(text: str) -> None:
    """Refuse what cannot be a password.

    Raises:
        InputError: it is too short or too long.
    """
    if len(text) < LEAST_CHARACTERS:
        raise InputError(f"A password has at least {LEAST_CHARACTERS} characters.", field="password")
    if _is_too_long(text):
        raise InputError(f"A password has at most {MOST_BYTES} bytes.", field="password")


class Passwords:
    """Hashes and compares in a thread of its own: one after the other, and no more than a few wait.

    Each takes 32 MiB for its time, which a board of 512 MB can give once.
    """

    def __init__(self) -> None:
        # The thread, not the caller, counts: a caller who gives up does not make room while the thread still works.
        self._thread = begun(1, "passwords")
        self._places = threading.BoundedSemaphore(_PLACES)

    async def hash(self, text: str) -> str:
        """Return what is kept of a password.

        Raises:
            InputError: it is too short or too long.
            TooManyTriesError: too many wait already.
        """
        check_password(text)
        return await self._run(lambda: hash_password(text))

    async def verify(self, text: str, stored: str) -> bool:
        """Tell whether this is the password.

        Raises:
            TooManyTriesError: too many wait already.
        """
        if _is_too_long(text):
            return False
        return await self._run(lambda: verify_password(text, stored))

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            raise TooManyTriesError(
                Phrase("errors.too_many_sign_in", "Too many people sign in at this moment."), retry_after=_RETRY_AFTER
            )
        future = self._thread.submit(work)
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)


def _scrypt(text: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    # The same password typed on a phone and on a laptop may arrive in two Unicode forms (RFC 8265, section 4.2).
    password = unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")
    needed = 128 * r * (2**log_n + p + 2)  # bytes, as OpenSSL counts them; its own limit is just below 32 MiB
    return hashlib.scrypt(password, salt=salt, n=2**log_n, r=r, p=p, maxmem=needed, dklen=_HASH_BYTES)


def _is_too_long(text: str) -> bool:
    return len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))
