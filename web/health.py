"""What a supervisor asks first: is it there, is it ready."""

from typing import Any

from litestar import HttpMethod, Request, Response, route
from litestar.di import NamedDependency

from agent.errors import SignInError
from agent.node import Node
from agent.security.identity import Identity
from agent.state import Health
from web.door.visitor import is_local


@route(
    ["/healthz", "/health", "/v1/health"],
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    access="public",
    sync_to_thread=False,
)
def health(request: Request[Identity | None, Any, Any], node: NamedDependency[Node]) -> Response[Health]:
    """Return what the node is doing: 200 when it can answer requests, else 503.

    Raises:
        SignInError: a stranger asks from elsewhere; what runs here, and how badly, is nobody's business.
    """
    if request.user is None and not is_local(request.headers, request.client.host if request.client else ""):
        hint = "Send a key, `Authorization: Bearer KEY`, or ask on the device itself."
        raise SignInError("The state of this device is told only to those it knows.", hint=hint)
    now = node.health()
    return Response(now, status_code=200 if now.status == "ok" else 503)
