"""Who asks: a person by the cookie of a session, a program by its key."""

import asyncio
import re

from litestar.datastructures import Headers

from agent.errors import SignInError
from agent.node import Node
from agent.security.identity import OPEN_USER, Identity
from web.door.cookie import SessionCookie
from web.door.host import as_address, parse
from web.paths import METRICS, is_api, is_health

_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_STATIC = "/static/"
_LOCAL = Identity("", "this device", scopes=frozenset({"metrics"}))  # who reads metrics on the device itself


class Visitors:
    """Knows who comes to one node.

    Keys are read on the paths for programs, cookies on those for people, and never the other way round: a page that
    makes a browser send a request to an API gets nothing by the cookie, and there is one way to check each.
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    async def identify(self, path: str, headers: Headers, peer: str) -> Identity | None:
        """Return who asks, or None if nobody that we know does.

        Args:
            path: that is asked for.
            headers: of the request.
            peer: address of the other end of the connection.

        Raises:
            SignInError: a program asks a device that nobody has claimed yet.
            StoreError: the database cannot be read.
        """
        if path.startswith(_STATIC):
            return None
        if self._node.config.auth == "open":
            return await self._anybody()
        key = _bearer(headers)
        if path == METRICS and not key and is_local(headers, peer):
            return _LOCAL
        if is_api(path) and (key or not is_health(path)):
            return await self._program(key, peer)
        token = SessionCookie(self._node.id).read(headers)
        return await self._node.security.identify_session(token) if token else None

    async def _program(self, key: str, peer: str) -> Identity | None:
        security = self._node.security
        identity = await security.identify_key(key, loopback=is_loopback(peer)) if key else None
        if identity is None and not await security.claim.claimed():
            raise SignInError(
                "This device has no owner yet, and answers nobody.", hint="Open its address in a browser to claim it."
            )
        return identity

    async def _anybody(self) -> Identity:
        """Return the one that everybody is with `auth = open`, person and program at the same time."""
        user = await self._node.security.users.open_user()
        return Identity(OPEN_USER, user.name, "admin", frozenset({"admin"}), language=user.language, theme=user.theme)


def is_loopback(peer: str) -> bool:
    """Tell whether the other end of a connection is on this computer."""
    address = as_address(peer)
    return address is not None and address.is_loopback


def is_local(headers: Headers, peer: str) -> bool:
    """Tell whether somebody on this computer asks; behind a proxy everybody seems to, but not under this name."""
    host = parse(headers.get("host", ""))
    return is_loopback(peer) and host is not None and host.is_loopback


async def until_revoked(node: Node, identity: Identity) -> None:
    """Return when the session of somebody has ended, so that what is being sent to them ends too."""
    if identity.session:
        await node.security.sessions.until_ended(identity.session)
    else:
        await asyncio.Event().wait()  # `auth = open`: there is none that could end


def _bearer(headers: Headers) -> str:
    found = _BEARER.fullmatch(headers.get("authorization", ""))
    return found[1] if found else ""
