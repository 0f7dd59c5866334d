"""What is around the whole application: no route, file or error page is without it."""

from typing import Any, cast

from litestar import Request
from litestar.datastructures import Headers
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from agent.errors import EdgewiseError
from agent.node import Node
from web.door.headers import with_headers
from web.door.host import Host, Hosts, parse
from web.door.origin import check_origin
from web.door.visitor import Visitors
from web.errors import error_response

_MISDIRECTED = 421  # RFC 9110, section 15.5.20


class Door:
    """Lets a request in, with `scope["user"]` set to who asks, or answers it with an error."""

    def __init__(self, app: ASGIApp, node: Node) -> None:
        self._app = app
        self._hosts = Hosts(node.config.host, node.config.names, lambda: node.name, lambda: node.discovery.names)
        self._visitors = Visitors(node)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI); the server speaks nothing but HTTP."""
        http = cast("HTTPScope", scope)
        headers, scheme = Headers.from_scope(scope), http["scheme"]
        send = with_headers(send, encrypted=scheme == "https")
        scope["user"] = None
        try:
            host = self._host(headers)
            check_origin(http["method"], scheme, headers, host)
            scope["user"] = await self._visitors.identify(http["path"], headers, _peer(http))
        except (EdgewiseError, HTTPException) as error:
            request = Request[Any, Any, Any](scope, receive, send)
            response = error_response(request, error)
            await response.to_asgi_response(app=None, request=request)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _host(self, headers: Headers) -> Host:
        """Return the host that a request names.

        Raises:
            HTTPException: it is not ours, or there is none; every client of this century names one.
        """
        named = headers.getall("host", [])
        host = parse(named[0]) if len(named) == 1 else None
        if host is None or not self._hosts.has(host):
            asked = " and ".join(repr(name) for name in named) or "a nameless host"
            raise HTTPException(
                status_code=_MISDIRECTED,
                detail=f"This device does not answer as {asked}. Is that a name of it? Add it to the setting `names`.",
            )
        return host


def _peer(scope: HTTPScope) -> str:
    return scope["client"][0] if scope["client"] else ""
