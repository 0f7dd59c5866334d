"""Presets: system prompts with settings under a name."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from agent.node import Node
from web.chat.settings import read_settings
from web.chat.sidebar import sidebar
from web.chat.view import panel
from web.page import PageRequest, page, wants_fragment
from web.person import go_to, person


@get("/presets", access="guest")
async def show_presets(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """Show the presets of a person."""
    presets = await node.chat.presets.listed(person(request).user_id)
    return page(request, "presets.html", presets=presets, **await sidebar(request, node))


@post("/presets", access="guest", status_code=200)
async def add(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """Keep settings as a preset: of a conversation, or as they were written on the page of presets."""
    form, user_id = await request.form(), person(request).user_id
    system, settings = read_settings(form)
    await node.chat.presets.add(user_id, name=str(form.get("name", "")), system=system, settings=settings)
    conversation_id = str(form.get("conversation", ""))
    if not wants_fragment(request) or not conversation_id:
        return go_to(request, f"/c/{conversation_id}" if conversation_id else "/presets")
    conversation = await node.chat.conversations.get(user_id, conversation_id)
    context = {**await panel(request, node, conversation), "system": system, "settings": settings, "panel_open": True}
    return page(request, "chat/panel.html", saved=True, **context)


@post("/presets/{preset_id:str}", access="guest", status_code=200)
async def change(request: PageRequest, node: NamedDependency[Node], preset_id: FromPath[str]) -> Response[str]:
    """Change the name and the system prompt of a preset; its other settings stay."""
    form, user_id = await request.form(), person(request).user_id
    kept = next((preset for preset in await node.chat.presets.listed(user_id) if preset.id == preset_id), None)
    system, settings = read_settings(form)
    settings = kept.settings if kept else settings
    await node.chat.presets.change(user_id, preset_id, name=str(form.get("name", "")), system=system, settings=settings)
    return go_to(request, "/presets")


@post("/presets/{preset_id:str}/delete", access="guest", status_code=200)
async def remove(request: PageRequest, node: NamedDependency[Node], preset_id: FromPath[str]) -> Response[str]:
    """Delete a preset."""
    await node.chat.presets.remove(person(request).user_id, preset_id)
    return go_to(request, "/presets")


ROUTES: list[Any] = [show_presets, add, change, remove]
