"""Signing in and out."""

from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body

from agent.errors import SignInError, TooManyTriesError
from agent.node import Node
from web.door.signing_in import address_of, old_token, signed_in, signed_out
from web.page import PageRequest, page, translator
from web.paths import MOST_OF_STRANGERS, within
from web.person import go_to


class Login(msgspec.Struct, frozen=True):
    """The form; `next` is the page that was asked for."""

    name: str = ""
    password: str = ""
    next: str = "/"


@get("/login", access="public")
async def show_login(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """Ask for name and password."""
    wanted = within(request.query_params.get("next", "/"))
    if request.user is not None:
        return go_to(request, wanted)
    if not await node.security.claim.claimed():
        return go_to(request, "/claim")
    return _form(request, Login(next=wanted))


@post("/login", access="public", request_max_body_size=MOST_OF_STRANGERS)
async def log_in(
    request: PageRequest,
    node: NamedDependency[Node],
    data: Annotated[Login, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Begin a session, in place of the one that the browser may have."""
    agent, address = request.headers.get("user-agent", ""), address_of(request)
    try:
        token, _ = await node.security.sign_in(
            data.name, data.password, agent=agent, address=address, old=old_token(request, node)
        )
    except SignInError:
        return _form(request, data, status=401, error=translator(request)("login.wrong"))
    except TooManyTriesError as error:
        text = translator(request)("login.too_many", n=error.retry_after)
        return _form(request, data, status=429, error=text)
    return signed_in(request, node, token, data.next)


@post("/logout", access="guest")
async def log_out(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """End the session."""
    return await signed_out(request, node, "/login")


def _form(request: PageRequest, data: Login, *, status: int = 200, error: str = "") -> Response[str]:
    return page(request, "login.html", status=status, name=data.name, next=within(data.next), error=error)


ROUTES = [show_login, log_in, log_out]
