"""The chat page: a new conversation, one that is kept, and its messages alone."""

from typing import Any
from urllib.parse import quote

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from agent.errors import NotFoundError
from agent.node import Node
from web.chat.view import Opening, chat_page, thread
from web.page import PageRequest, page, wants_fragment
from web.person import go_to, person


@get("/", access="guest")
async def new_chat(  # noqa: PLR0913 - what the address of the page may carry
    request: PageRequest,
    node: NamedDependency[Node],
    *,
    text: FromQuery[str] = "",
    preset: FromQuery[str] = "",
    deleted: FromQuery[str] = "",
    imported: FromQuery[int] = -1,
) -> Response[str]:
    """Show an empty conversation."""
    return await chat_page(request, node, None, Opening(text, preset, deleted, imported))


@get("/c/{conversation_id:str}", access="guest")
async def show(
    request: PageRequest, node: NamedDependency[Node], conversation_id: FromPath[str], preset: FromQuery[str] = ""
) -> Response[str]:
    """Show a conversation; `preset` puts the values of a preset into its settings, to look at before they are saved."""
    conversation = await node.chat.conversations.get(person(request).user_id, conversation_id)
    return await chat_page(request, node, conversation, Opening(preset=preset))


@get("/c/{conversation_id:str}/thread", access="guest")
async def show_thread(
    request: PageRequest, node: NamedDependency[Node], conversation_id: FromPath[str]
) -> Response[str]:
    """Show the messages of a conversation without the page around them; an open page leaves one that was deleted."""
    try:
        conversation = await node.chat.conversations.get(person(request).user_id, conversation_id)
    except NotFoundError:
        if not wants_fragment(request):
            raise
        return go_to(request, f"/?deleted={quote(conversation_id)}")
    return page(request, "chat/thread.html", **await thread(request, node, conversation))


ROUTES: list[Any] = [new_chat, show, show_thread]
