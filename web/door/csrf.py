"""Against requests that a page of somebody else makes a signed-in browser send (CSRF).

Every request that changes something must come from a page of ours, which its `Origin` tells, and carry the token of
its session, which only our pages have: in a header, or as a field of the form.
"""

import hmac
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import UploadFile
from litestar.handlers import BaseRouteHandler

from agent.errors import ForbiddenError
from agent.phrase import Phrase
from agent.security.identity import Identity
from web.door.origin import SAFE_METHODS
from web.paths import is_api

_HEADER = "x-csrf-token"
_FIELD = "csrf"


async def check_token(connection: ASGIConnection[Any, Identity | None, Any, Any], handler: BaseRouteHandler) -> None:
    """Refuse a change that no page of ours has asked for (a guard).

    Programs are left out: they send a key, which no browser does by itself. A handler with the keyword `form="stream"`
    takes large files as they come and calls `require_token` with what stands before them in the form.

    Raises:
        ForbiddenError: the request lacks its origin or its token.
    """
    if not isinstance(connection, Request) or connection.method in SAFE_METHODS or is_api(connection.url.path):
        return
    # The origin was compared before; here it must not be missing. That also covers the forms of those who have no
    # session yet: nobody is signed in to an account that is not theirs.
    if "origin" not in connection.headers:
        raise ForbiddenError(Phrase("errors.no_origin", "The browser did not say which page this comes from."))
    if connection.user is None or not connection.user.session:
        return
    token = connection.headers.get(_HEADER, "")
    if not token and handler.opt.get("form") == "stream":
        return
    try:
        require_token(connection.user, token or await _field(connection))
    except ForbiddenError:
        if not connection.headers.get(_HEADER):
            await _discard(connection)
        raise


def require_token(identity: Identity | None, token: str) -> None:
    """Refuse who is signed in by a session and does not have its token.

    Raises:
        ForbiddenError: that is so.
    """
    if identity is None or not identity.session:
        return
    if not hmac.compare_digest(token.encode(), identity.csrf.encode()):
        raise ForbiddenError(
            Phrase("errors.old_page", "This page is out of date."),
            hint=Phrase("errors.old_page_hint", "Load it again, then repeat what you did."),
        )


async def _field(request: Request[Any, Any, Any]) -> str:
    """Return the token in the form; litestar keeps the form, so that the handler gets it too."""
    token = (await request.form()).get(_FIELD, "")
    return token if isinstance(token, str) else ""


async def _discard(request: Request[Any, Any, Any]) -> None:
    """Close the uploaded files, which no handler will."""
    for value in (await request.form()).values():
        if isinstance(value, UploadFile):
            await value.close()
