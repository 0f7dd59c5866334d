"""Signed updates in files, which the owner sends from a browser; they are part of the page of models."""

import asyncio
from io import BytesIO
from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency

from agent.bundles.applying import look, roll_back
from agent.node import Node
from web.bundles import afterwards, place_of, take
from web.door.csrf import require_token
from web.page import PageRequest
from web.person import go_to
from web.uploads import form_with_file

_PAGE = "/models#update"
_BEGINNING = 1 << 20  # bytes; more than a manifest with its signature


@post("/updates", access="admin", form="stream", request_max_body_size=None)
async def apply_update(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """Apply the file of the form while it arrives."""
    fields, content = await form_with_file(request)
    require_token(request.user, request.headers.get("x-csrf-token", "") or fields.get("csrf", ""))
    await take(node, content)
    reply = go_to(request, _PAGE)
    reply.background = afterwards(node)
    return reply


@post("/updates/check", access="admin", status_code=204, request_max_body_size=_BEGINNING)
async def check_update(request: PageRequest, node: NamedDependency[Node]) -> None:
    """Say from the beginning of a file whether it would be refused, before gigabytes are on their way."""
    await asyncio.to_thread(look, place_of(node), BytesIO(await request.body()))


@post("/updates/back", access="admin")
async def take_back(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """Take the last update back."""
    await asyncio.to_thread(roll_back, place_of(node))
    return go_to(request, _PAGE)


ROUTES: list[Any] = [apply_update, check_update, take_back]
