"""Single messages: shown, answered anew, changed, continued, stopped, and their versions."""

from typing import Any

from litestar import MediaType, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from agent.chat.records import Message
from agent.node import Node
from web.chat.forms import read_text
from web.chat.sidebar import sidebar
from web.chat.view import running, thread
from web.page import PageRequest, page, wants_fragment
from web.person import go_to, person


@get("/m/{message_id:str}", access="guest")
async def show_message(
    request: PageRequest, node: NamedDependency[Node], message_id: FromPath[str], *, kept: FromQuery[bool] = False
) -> Response[str]:
    """Show one message without the page around it; `kept`: the text of the answer is on the page and is left out."""
    message = await _shown(request, node, message_id)
    return page(request, "chat/message.html", m=message, kept=kept, **running(node, [message]))


@get("/m/{message_id:str}/text", access="guest")
async def raw_text(request: PageRequest, node: NamedDependency[Node], message_id: FromPath[str]) -> Response[str]:
    """Return a message as it was written, to be copied."""
    message = await node.chat.messages.get(person(request).user_id, message_id)
    return Response(message.text, media_type=MediaType.TEXT)


@post("/m/{message_id:str}/regenerate", access="guest", status_code=200)
async def regenerate(request: PageRequest, node: NamedDependency[Node], message_id: FromPath[str]) -> Response[str]:
    """Answer the same question anew, beside the answer there is."""
    answer = await node.chat.regenerate(person(request).user_id, message_id)
    return await _thread_with(request, node, answer)


@post("/m/{message_id:str}/continue", access="guest", status_code=200)
async def resume(request: PageRequest, node: NamedDependency[Node], message_id: FromPath[str]) -> Response[str]:
    """Go on with an answer that has stopped before its end."""
    answer = await node.chat.resume(person(request).user_id, message_id)
    return await _thread_with(request, node, answer)


@post("/m/{message_id:str}/stop", access="guest", status_code=200)
async def stop(request: PageRequest, node: NamedDependency[Node], message_id: FromPath[str]) -> Response[str]:
    """End an answer where it is; what is there stays."""
    message = await node.chat.messages.get(person(request).user_id, message_id)
    await node.chat.stop(person(request).user_id, message_id)
    if wants_fragment(request):
        return Response("", media_type=MediaType.HTML)
    return go_to(request, f"/c/{message.conversation_id}#m-{message.id}")


@post("/m/{message_id:str}/select", access="guest", status_code=200)
async def select(request: PageRequest, node: NamedDependency[Node], message_id: FromPath[str]) -> Response[str]:
    """Show another version of a message, with what followed it."""
    await node.chat.messages.select(person(request).user_id, message_id)
    return await _thread_with(request, node, await node.chat.messages.get(person(request).user_id, message_id))


@get("/m/{message_id:str}/edit", access="guest")
async def edit_form(request: PageRequest, node: NamedDependency[Node], message_id: FromPath[str]) -> Response[str]:
    """Show a question to be changed: in its place, or as a page."""
    message = await node.chat.messages.get(person(request).user_id, message_id)
    if wants_fragment(request):
        return page(request, "chat/edit.html", m=message)
    return page(request, "edit.html", m=message, **await sidebar(request, node))


@post("/m/{message_id:str}/edit", access="guest", status_code=200)
async def edit(request: PageRequest, node: NamedDependency[Node], message_id: FromPath[str]) -> Response[str]:
    """Ask differently; the question as it was stays as another version."""
    text = read_text(await request.form())
    _, _, answer = await node.chat.edit(person(request).user_id, message_id, text)
    return await _thread_with(request, node, answer)


async def _shown(request: PageRequest, node: Node, message_id: str) -> Message:
    """Return a message with its versions, which only the thread knows."""
    user_id = person(request).user_id
    message = await node.chat.messages.get(user_id, message_id)
    messages = await node.chat.thread(user_id, message.conversation_id)
    return next((shown for shown in messages if shown.id == message_id), message)


async def _thread_with(request: PageRequest, node: Node, message: Message) -> Response[str]:
    if not wants_fragment(request):
        return go_to(request, f"/c/{message.conversation_id}#m-{message.id}")
    conversation = await node.chat.conversations.get(person(request).user_id, message.conversation_id)
    return page(request, "chat/thread.html", **await thread(request, node, conversation))


ROUTES: list[Any] = [show_message, raw_text, regenerate, resume, stop, select, edit_form, edit]
