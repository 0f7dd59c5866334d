"""What who asks may do: every handler says it by the keyword `access`, and one that does not answers nobody.

public       everybody
guest        everybody with an account
user         those who are more than guests
admin        those who look after the device
key:SCOPE    programs with a key for that
"""

import logging
from typing import Any, get_args

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from agent.errors import ForbiddenError, SignInError
from agent.phrase import Phrase
from agent.security.identity import Identity, Role, Scope

logger = logging.getLogger(__name__)

_PUBLIC = "public"
_KEY = "key:"


async def check_access(connection: ASGIConnection[Any, Identity | None, Any, Any], handler: BaseRouteHandler) -> None:
    """Refuse who may not call a handler (a guard; not `async`, it would be called in a thread).

    Raises:
        SignInError: nobody is signed in, or no key came with the request.
        ForbiddenError: who asks may not do this.
    """
    access, identity = handler.opt.get("access", ""), connection.user
    if access == _PUBLIC:
        return
    if identity is None:
        raise _stranger(access)
    if not _may(identity, access):
        raise ForbiddenError(_refusal(access))


def _may(identity: Identity, access: str) -> bool:
    for role in get_args(Role):
        if access == role:
            return identity.has_role(role)
    for scope in get_args(Scope):
        if access == _KEY + scope:
            return identity.has_scope(scope)
    if access:
        logger.error("A handler says that %r may call it, which is nobody.", access)
    return False


def _stranger(access: str) -> SignInError:
    if access.startswith(_KEY):
        hint = "Make one on the page Settings or with `edgewise keys create`, and send `Authorization: Bearer KEY`."
        return SignInError("This needs an API key, and none that is valid came with the request.", hint=hint)
    return SignInError("Please sign in.")


def _refusal(access: str) -> str:
    if access.startswith(_KEY):
        return f"This key is not for that: it lacks the scope {access.removeprefix(_KEY)}."
    return Phrase("errors.account_may_not", "Your account may not do this.")
