"""What viewers of a running answer are told, and the log that lets them attach at any time.

An answer is shown as committed blocks of HTML, the last of which may get more items or rows, followed by one open
block. The HTML of an open block has exactly one `<span class="tail"></span>`, to whose text further deltas are appended
(see `agent.markdown.blocks`).
"""

from typing import Literal, TypeAlias

import msgspec

from agent.chat.records import MessageState
from agent.markdown.changes import Block, Delta, More, Open

__all__ = ["Block", "Delta", "Done", "Event", "More", "Open", "Phase", "PhaseName", "Snapshot", "Think"]

PhaseName: TypeAlias = Literal["queued", "loading", "reading", "thinking", "answering"]


class Phase(msgspec.Struct, frozen=True):
    """What is happening now.

    Attributes:
        position: while queued: 1 is next.
        seconds: while queued: until it begins, estimated; 0 when nobody can tell.
        progress: share of the prompt that is read, or of the model that is loaded, from 0 to 1.
        detail: while loading: what the node says about it.
        rate: tokens per second while thinking or answering; 0 at first.
    """

    name: PhaseName
    position: int = 0
    seconds: float = 0.0
    progress: float = 0.0
    detail: str = ""
    rate: float = 0.0


class Think(msgspec.Struct, frozen=True):
    """More of what the model thinks."""

    text: str


class Done(msgspec.Struct, frozen=True):
    """The answer has ended and is kept as a message."""

    state: MessageState


Event: TypeAlias = Phase | Think | Block | More | Open | Delta | Done


class Snapshot(msgspec.Struct, frozen=True):
    """Everything up to a moment, for viewers that come later.

    Attributes:
        html: of the committed blocks.
        open: HTML of the open block, with the text of its deltas in the tail; empty when there is none.
        thinking: what the model thought so far.
        phase: what is happening now.
    """

    html: str
    open: str
    thinking: str
    phase: Phase
