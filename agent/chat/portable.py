"""Conversations on their way in or out: with all messages, and without ids that mean something on this device only."""

from typing import Annotated, Literal

import msgspec

from agent.chat.records import ChatSettings, MessageState, Stats


class PortableAttachment(msgspec.Struct, frozen=True):
    """An attached file; `bytes` of the file, of which only the text is kept."""

    name: str
    bytes: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
    text: str


class PortableMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message; `id` and `parent_id` hold within its conversation."""

    id: str
    role: Literal["user", "assistant"]
    text: str
    parent_id: str | None = None
    created: float = 0.0
    thinking: str = ""
    state: MessageState = "complete"
    error: str = ""
    model: str = ""
    stats: Stats = Stats()
    attachments: list[PortableAttachment] = []


class PortableConversation(msgspec.Struct, frozen=True, omit_defaults=True):
    """A conversation with all branches; messages in order of creation, each after the one that it follows.

    Attributes:
        id: by which the same conversation is known again; empty if the file has none.
        leaf: last message of the branch that is shown; None: of the newest.
    """

    id: str
    title: str
    messages: list[PortableMessage]
    created: float = 0.0
    updated: float = 0.0
    pinned: bool = False
    system: str = ""
    settings: ChatSettings = ChatSettings()
    leaf: str | None = None
