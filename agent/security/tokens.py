"""Random ids and secrets, and what is kept of a secret."""

import hashlib
import secrets

_ID_BYTES = 8  # ids are no secrets, but nobody should guess which others there are
_SECRET_BYTES = 32


def new_id() -> str:
    """Return a random id of 16 hexadecimal digits: it can stand in an address and on a command line."""
    return secrets.token_hex(_ID_BYTES)


def new_secret() -> str:
    """Return 256 random bits as 43 characters that can stand in a cookie, a header or an address."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def digest(secret: str) -> bytes:
    """Return what is kept of a secret: its SHA-256. A slow hash would add nothing to 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
