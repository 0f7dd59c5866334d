"""Files that go with the next message."""

from typing import Any

from litestar import MediaType, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from agent.chat.attachments import LARGEST
from agent.node import Node
from web.chat.forms import uploaded
from web.page import PageRequest, page, wants_fragment
from web.person import go_to, person

_MAX_BODY = LARGEST + 64 * 1024  # the form around the file


@post("/attachments", access="guest", status_code=200, request_max_body_size=_MAX_BODY)
async def attach(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """Take the text out of files and keep it until it is sent."""
    form, user_id = await request.form(), person(request).user_id
    composer = str(form.get("conversation", "")) or None
    ids = await uploaded(form, node, user_id)
    files = [file for file in await node.chat.attachments.unsent(user_id, composer) if file.id in ids]
    if not wants_fragment(request):
        return go_to(request, f"/c/{composer}" if composer else "/")
    return page(request, "chat/chips.html", attachments=files)


@post("/attachments/{attachment_id:str}/remove", access="guest", status_code=200)
async def remove(request: PageRequest, node: NamedDependency[Node], attachment_id: FromPath[str]) -> Response[str]:
    """Forget a file that was not sent."""
    await node.chat.attachments.remove(person(request).user_id, attachment_id)
    if not wants_fragment(request):
        return go_to(request, "/")
    return Response("", media_type=MediaType.HTML)


ROUTES: list[Any] = [attach, remove]
