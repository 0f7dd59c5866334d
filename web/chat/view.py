"""What the chat page and its parts need."""

import time
from dataclasses import dataclass
from typing import Any

from litestar import Response

from agent.chat.events import Snapshot
from agent.chat.records import ChatSettings, Conversation, Message
from agent.node import Node
from web.chat.models import choices
from web.chat.sidebar import sidebar
from web.page import PageRequest, page
from web.person import person
from web.phases import describe_phase


@dataclass(frozen=True)
class Opening:
    """What a page is to show beside the conversation, as its address says.

    Attributes:
        text: to begin with in the composer.
        preset: id of the preset whose values are in the settings, to be looked at before they are saved.
        deleted: id of a conversation that was just deleted and can be brought back.
        imported: how many conversations have just come from a file; -1: none was read.
    """

    text: str = ""
    preset: str = ""
    deleted: str = ""
    imported: int = -1


async def chat_page(
    request: PageRequest, node: Node, conversation: Conversation | None, opening: Opening
) -> Response[str]:
    """Return the whole page of a conversation, or of a new one."""
    context = {**await thread(request, node, conversation), **await panel(request, node, conversation, opening.preset)}
    context["draft"] = opening.text or (conversation.draft if conversation else "")
    context["attachments"] = await node.chat.attachments.unsent(
        person(request).user_id, conversation.id if conversation else None
    )
    context["now"] = time.time()
    context["autofocus"] = conversation is None
    context["models"] = choices(node)
    context |= await sidebar(request, node)
    return page(request, "chat.html", opening=opening, **context)


async def thread(request: PageRequest, node: Node, conversation: Conversation | None) -> dict[str, Any]:
    """Return what `chat/thread.html` needs."""
    messages: list[Message] = []
    if conversation is not None:
        messages = await node.chat.thread(person(request).user_id, conversation.id)
    return {"conversation": conversation, "messages": messages, **running(node, messages)}


def running(node: Node, messages: list[Message]) -> dict[str, Any]:
    """Return what `chat/message.html` needs beside the messages: how far those are that are being answered."""
    snapshots: dict[str, Snapshot | None] = {
        message.id: node.chat.snapshot(message.id) for message in messages if message.state == "running"
    }
    return {"running": snapshots, "describe_phase": describe_phase}


async def panel(
    request: PageRequest, node: Node, conversation: Conversation | None, preset: str = ""
) -> dict[str, Any]:
    """Return what `chat/panel.html` needs: the settings of the conversation, or those of a preset to look at first."""
    presets = await node.chat.presets.listed(person(request).user_id)
    shown = next((entry for entry in presets if entry.id == preset), None) or conversation
    return {
        "conversation": conversation,
        "presets": presets,
        "system": shown.system if shown else "",
        "settings": shown.settings if shown else ChatSettings(),
        "defaults": ChatSettings(),
        "panel_open": bool(preset),
    }
