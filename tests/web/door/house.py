"""The whole application of a node whose engine is not started, asked from wherever a test wants."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from litestar import Litestar

from agent.config import Config
from agent.node import Node
from agent.security.identity import Identity, Role, Scope
from web.app import create_app
from web.door.cookie import SessionCookie

HOME = "http://192.0.2.1:8080"  # how browsers in these tests reach the device
ELSEWHERE = "http://evil.example"
PASSWORD = "correct horse battery"  # noqa: S105 - of nobody
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
_REMOTE = "192.0.2.7"
_PATIENCE = 10  # seconds; who gets in where nobody should may find an event stream that never ends


@dataclass(frozen=True)
class Visitor:
    """Somebody who asks: headers, and where from."""

    headers: dict[str, str] = field(default_factory=dict)
    peer: str = _REMOTE

    def but(self, **headers: str) -> "Visitor":
        """Return the same with other headers; one that is empty is left out."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Visitor({name: value for name, value in {**self.headers, **named}.items() if value}, self.peer)


STRANGER = Visitor({"origin": HOME})


@dataclass(frozen=True)
class Route:
    """One thing that can be asked: a method of a handler."""

    method: str
    template: str
    access: str

    @property
    def path(self) -> str:
        """An address that leads there."""
        return re.sub(r"{[^}]+}", "something", self.template.replace("{path:path}", "a.css"))


class House:
    """A device."""

    def __init__(self, node: Node, app: Litestar) -> None:
        self.node = node
        self.app = app

    def routes(self) -> list[Route]:
        """Return everything that can be asked."""
        return [
            Route(method, route.path, handler.opt.get("access", ""))
            for route in self.app.routes
            for handler in getattr(route, "route_handlers", [])
            for method in sorted(handler.http_methods - {"OPTIONS"})
        ]

    async def person(self, name: str, role: Role) -> Visitor:
        """Return somebody with an account, signed in."""
        await self.node.security.users.add(name, PASSWORD, role)
        token, identity = await self.node.security.sign_in(name, PASSWORD, agent="tests", address=_REMOTE)
        cookie = f"{SessionCookie(self.node.id).name}={token}"
        return Visitor({"cookie": cookie, "origin": HOME, "x-csrf-token": identity.csrf})

    async def program(self, *scopes: Scope) -> Visitor:
        """Return a program with a key."""
        _, secret = await self.node.security.keys.create("-".join(scopes), scopes)
        return Visitor({"authorization": f"Bearer {secret}"})

    async def identify(self, visitor: Visitor) -> Identity | None:
        """Return who a person is to the device."""
        return await self.node.security.identify_session(visitor.headers["cookie"].partition("=")[2])

    async def ask(self, method: str, path: str, visitor: Visitor = STRANGER, **request: Any) -> httpx.Response:  # noqa: ANN401 - of httpx
        """Send a request."""
        transport = httpx.ASGITransport(self.app, client=(visitor.peer, 1234))  # type: ignore[arg-type]
        async with asyncio.timeout(_PATIENCE), httpx.AsyncClient(transport=transport, base_url=HOME) as client:
            return await client.request(method, path, headers=visitor.headers, **request)


@asynccontextmanager
async def house(state: Path, **settings: Any) -> AsyncIterator[House]:  # noqa: ANN401 - of the configuration
    """Open a device for the block."""
    node = Node(Config(state_dir=state, engine="echo", offline=True, **settings), {})
    await node.open()
    try:
        yield House(node, create_app(node))
    finally:
        await node.stop()
