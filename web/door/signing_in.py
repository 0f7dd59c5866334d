"""Beginning and ending a session, as responses."""

from litestar import Response
from litestar.response import Redirect
from litestar.status_codes import HTTP_303_SEE_OTHER

from agent.node import Node
from web.door.cookie import SessionCookie
from web.page import PageRequest
from web.paths import within


def signed_in(request: PageRequest, node: Node, token: str, path: str) -> Response[str]:
    """Give the browser the cookie of its session, and send it to a page of ours."""
    cookie = SessionCookie(node.id).give(token, encrypted=is_encrypted(request))
    return Redirect(within(path), status_code=HTTP_303_SEE_OTHER, cookies=[cookie])


async def signed_out(request: PageRequest, node: Node, path: str) -> Response[str]:
    """End the session of a browser, have it forget the cookie, and send it to a page of ours."""
    cookie = SessionCookie(node.id)
    await node.security.sessions.end(cookie.read(request.headers))
    gone = cookie.take(encrypted=is_encrypted(request))
    return Redirect(path, status_code=HTTP_303_SEE_OTHER, cookies=[gone])


def old_token(request: PageRequest, node: Node) -> str:
    """Return the token of the session that a browser has, which a new one replaces."""
    return SessionCookie(node.id).read(request.headers)


def address_of(request: PageRequest) -> str:
    """Return where a request comes from; what a proxy says about that is not read, since anybody can say it."""
    return request.client.host if request.client else ""


def is_encrypted(request: PageRequest) -> bool:
    """Tell whether the connection to us is encrypted."""
    return request.url.scheme == "https"
