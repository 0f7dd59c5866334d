"""Whose share of the queue a request takes, so that one program cannot keep out the others."""

from typing import Any

from litestar import Request

from agent.security.identity import OPEN_USER, Identity
from web.door.visitor import is_loopback


def asker(request: Request[Identity | None, Any, Any]) -> str:
    """Return a name for whoever asks: the same for all keys of a person; empty for those nobody counts.

    With `auth = open` it is the address. Who comes from this computer is not counted then: it may be a reverse proxy,
    and all people behind that would have one share together.
    """
    identity = request.user
    if identity is None or identity.user_id == OPEN_USER:
        peer = request.client.host if request.client else ""
        return "" if is_loopback(peer) else peer
    return identity.user_id or f"key {identity.name}"
