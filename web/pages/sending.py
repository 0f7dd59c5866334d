"""Sending a message, and asking before whether it fits."""

from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from agent.chat.attachments import LARGEST
from agent.node import Node
from web.chat.forms import read_text, uploaded
from web.chat.settings import read_settings
from web.chat.view import running
from web.page import PageRequest, page, wants_fragment
from web.person import go_to, person

_MAX_BODY = 4 * LARGEST  # without scripts, files come together with the text


@post("/c", access="guest", status_code=200, request_max_body_size=_MAX_BODY)
async def start(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """Begin a conversation with its first message."""
    form, user_id = await request.form(), person(request).user_id
    system, settings = read_settings(form)
    conversation, _, answer = await node.chat.send(
        user_id,
        None,
        read_text(form),
        attachments=await uploaded(form, node, user_id),
        system=system,
        settings=settings,
    )
    return go_to(request, f"/c/{conversation.id}#m-{answer.id}")


@post("/c/{conversation_id:str}/messages", access="guest", status_code=200, request_max_body_size=_MAX_BODY)
async def send(request: PageRequest, node: NamedDependency[Node], conversation_id: FromPath[str]) -> Response[str]:
    """Add a message to a conversation."""
    form, user_id = await request.form(), person(request).user_id
    attachments = await uploaded(form, node, user_id)
    _, question, answer = await node.chat.send(user_id, conversation_id, read_text(form), attachments=attachments)
    if wants_fragment(request):
        messages = [question, answer]
        return page(request, "chat/thread.html", messages=messages, **running(node, messages))
    return go_to(request, f"/c/{conversation_id}#m-{answer.id}")


@post("/c/measure", access="guest", status_code=200)
async def measure(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """Say how much of the context a message would take."""
    form, user_id = await request.form(), person(request).user_id
    attachments = [str(value) for value in form.getall("attachments", [])]
    conversation = str(form.get("conversation", "")) or None
    room = await node.chat.measure(user_id, conversation, read_text(form), attachments)
    return page(request, "chat/room.html", room=room)


ROUTES: list[Any] = [start, send, measure]
