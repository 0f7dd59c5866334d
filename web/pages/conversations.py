"""The list of conversations, and what can be done with each: rename, pin, delete, bring back, set up."""

from typing import Any

from litestar import MediaType, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from agent.node import Node
from web.chat.forms import read_text
from web.chat.settings import read_settings
from web.chat.sidebar import current, position, sidebar
from web.chat.view import panel
from web.page import PageRequest, page, wants_fragment
from web.person import go_to, person


@get("/c/list", access="guest")
async def show_list(request: PageRequest, node: NamedDependency[Node], after: FromQuery[str] = "") -> Response[str]:
    """Show a page of the list; alone for htmx, and as a page of its own without scripts."""
    context = await sidebar(request, node, before=position(after))
    return page(request, "chat/list.html" if wants_fragment(request) else "conversations.html", **context)


@get("/c/{conversation_id:str}/rename", access="guest")
async def rename_form(
    request: PageRequest, node: NamedDependency[Node], conversation_id: FromPath[str]
) -> Response[str]:
    """Show the title to be changed: in its place, or as a page."""
    conversation = await node.chat.conversations.get(person(request).user_id, conversation_id)
    if wants_fragment(request):
        return page(request, "chat/rename.html", c=conversation)
    return page(request, "rename.html", c=conversation, **await sidebar(request, node))


@post("/c/{conversation_id:str}/rename", access="guest", status_code=200)
async def rename(request: PageRequest, node: NamedDependency[Node], conversation_id: FromPath[str]) -> Response[str]:
    """Give a conversation another title."""
    form = await request.form()
    await node.chat.conversations.rename(person(request).user_id, conversation_id, str(form.get("title", "")))
    return await _list(request, node, f"/c/{conversation_id}")


@post("/c/{conversation_id:str}/pin", access="guest", status_code=200)
async def pin(request: PageRequest, node: NamedDependency[Node], conversation_id: FromPath[str]) -> Response[str]:
    """Keep a conversation at the top of the list, or let it go."""
    form = await request.form()
    pinned = form.get("pinned") == "1"
    await node.chat.conversations.pin(person(request).user_id, conversation_id, pinned=pinned)
    return await _list(request, node, f"/c/{conversation_id}")


@post("/c/{conversation_id:str}/delete", access="guest", status_code=200)
async def delete(request: PageRequest, node: NamedDependency[Node], conversation_id: FromPath[str]) -> Response[str]:
    """Throw a conversation into the bin, from which it can be taken back for a day."""
    user_id = person(request).user_id
    await node.chat.delete(user_id, conversation_id)
    if current(request) == conversation_id or not wants_fragment(request):
        return go_to(request, f"/?deleted={conversation_id}")
    return page(request, "chat/deleted.html", deleted=conversation_id, **await sidebar(request, node))


@post("/c/{conversation_id:str}/restore", access="guest", status_code=200)
async def restore(request: PageRequest, node: NamedDependency[Node], conversation_id: FromPath[str]) -> Response[str]:
    """Take a conversation out of the bin."""
    user_id = person(request).user_id
    await node.chat.conversations.restore(user_id, conversation_id)
    node.chat.feed.changed(user_id)
    return go_to(request, f"/c/{conversation_id}")


@post("/c/{conversation_id:str}/configure", access="guest", status_code=200)
async def configure(request: PageRequest, node: NamedDependency[Node], conversation_id: FromPath[str]) -> Response[str]:
    """Set the system prompt and the sampling of a conversation."""
    user_id = person(request).user_id
    system, settings = read_settings(await request.form())
    await node.chat.conversations.configure(user_id, conversation_id, system=system, settings=settings)
    if not wants_fragment(request):
        return go_to(request, f"/c/{conversation_id}")
    conversation = await node.chat.conversations.get(user_id, conversation_id)
    context = await panel(request, node, conversation)
    return page(request, "chat/panel.html", **{**context, "panel_open": True}, saved=True)


@post("/c/{conversation_id:str}/draft", access="guest", status_code=200)
async def save_draft(
    request: PageRequest, node: NamedDependency[Node], conversation_id: FromPath[str]
) -> Response[str]:
    """Keep what is being written, for a reload and for other devices."""
    text = read_text(await request.form())
    await node.chat.conversations.save_draft(person(request).user_id, conversation_id, text)
    return Response("", media_type=MediaType.HTML)


async def _list(request: PageRequest, node: Node, address: str) -> Response[str]:
    """Return the list as it is now, and have other tabs ask for it."""
    node.chat.feed.changed(person(request).user_id)
    if not wants_fragment(request):
        return go_to(request, address)
    return page(request, "chat/list.html", **await sidebar(request, node))


ROUTES: list[Any] = [show_list, rename_form, rename, pin, delete, restore, configure, save_draft]
