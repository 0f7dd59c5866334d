"""What an open page is told: one stream of server-sent events for each tab, about everything that it shows.

    status     what the device is doing
    ping       nothing, but the connection is alive
    list       conversations were added, renamed, moved or deleted
    thread     the messages of the shown conversation have changed
    snapshot   the running answer of the shown conversation as far as it is, for pages that have just come
    state, think, block, more, tail, delta, done    how it goes on; see `agent.chat.events`. `tail` is an open block:
               browsers have an event `open` of their own on such a connection

Events of an answer carry an id, `MESSAGE.NUMBER`: a browser that was cut off says it when it comes back, and gets what
it has missed. Frames are made here, since litestar's helper separates lines by CRLF, which not every reader takes.
"""

import asyncio
import time
import weakref
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import HeaderParameter
from litestar.response import Stream

from agent.chat.events import Block, Delta, Done, Event, More, Open, Phase, Think
from agent.chat.feed import Subscription
from agent.chat.generation import Generation
from agent.errors import NotFoundError
from agent.node import Node
from agent.waiting import wait_at_most
from web.door.visitor import until_revoked
from web.locale import Translator
from web.page import PageRequest, translator
from web.person import person
from web.phases import describe_phase, describe_status
from web.streams import Streams

_LOOK_SECONDS = 1.0  # between two looks at what the device is doing
_PING_SECONDS = 15.0  # between signs of life: a page that hears nothing for long takes the connection for dead
_MOST_DIGITS = 12  # of the number of an event; Python reads no more than 4300
_NAMES = {Think: "think", Block: "block", More: "more", Open: "tail", Delta: "delta"}


@get("/events", access="guest", media_type="text/event-stream")
async def events(
    request: PageRequest,
    node: NamedDependency[Node],
    last_id: Annotated[str, HeaderParameter(name="Last-Event-ID")] = "",
) -> Stream:
    """Stream what a page has to know.

    Args:
        request: of the browser.
        node: this device.
        last_id: of the last event that the browser has got.
    """
    shown = _Shown(*(request.query_params.get(name, "") for name in ("c", "m", "l")))
    if shown.conversation:
        await node.chat.conversations.get(person(request).user_id, shown.conversation)  # of somebody else: no stream
    streams: Streams = request.app.state.streams
    give_back = streams.take(person(request).session)
    frames = _Viewer(request, node, shown, last_id).frames(give_back)
    weakref.finalize(frames, give_back)  # whoever leaves at once is sent nothing, and the generator never begins
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(frames, media_type="text/event-stream", headers=headers)


ROUTES = [events]


@dataclass(slots=True)
class _Shown:
    """What a page shows, as the query says: a conversation (c), its running answer (m), its last message (l)."""

    conversation: str
    running: str
    last: str


class _Viewer:
    """One open page: what it has been told so far."""

    def __init__(self, request: PageRequest, node: Node, shown: _Shown, last_id: str) -> None:
        self._me = person(request)
        self._node = node
        self._t: Translator = translator(request)
        self._shown = shown
        self._generation: Generation | None = None
        self._told = 0
        self._last_id = last_id
        self._status = b""
        self._wake = asyncio.Event()

    async def frames(self, at_end: Callable[[], None]) -> AsyncGenerator[bytes, None]:
        """Yield frames until the page is left or the session ends."""
        with ExitStack() as stack:
            stack.callback(at_end)
            news = stack.enter_context(self._node.chat.feed.subscribe(self._me.user_id, self._wake))
            stack.callback(self._leave)
            ended = asyncio.create_task(until_revoked(self._node, self._me), name="end of a session")
            stack.callback(ended.cancel)
            yield b"retry: 2000\n\n"
            if await self._stale():
                yield self._thread()
            quiet = time.monotonic()
            while not ended.done() and not self._node.stopping:
                self._wake.clear()
                frame = b"".join(self._news(news))
                if frame or time.monotonic() - quiet > _PING_SECONDS:
                    quiet = time.monotonic()
                    yield frame or _frame("ping", {})
                await wait_at_most(self._wake, _LOOK_SECONDS)

    async def _stale(self) -> bool:
        """Tell whether messages have come after the page was made and before it was listening."""
        conversation = self._shown.conversation
        if not conversation:
            return False
        try:
            leaf = (await self._node.chat.conversations.get(self._me.user_id, conversation)).leaf or ""
        except NotFoundError:
            return True
        generation = self._node.chat.running_in(conversation)
        begun = generation is not None and generation.message.id != self._shown.running
        return begun or leaf != self._shown.last

    def _news(self, news: Subscription) -> list[bytes]:
        frames = [self._device()]
        if news.listing:
            news.listing = False
            frames.append(_frame("list", {}))
        if self._shown.conversation in news.threads:
            frames.append(self._thread())
        news.threads.clear()
        return [*frames, *self._answer()]

    def _thread(self) -> bytes:
        return _frame("thread", {"conversation": self._shown.conversation})

    def _device(self) -> bytes:
        status = _frame("status", describe_status(self._node, self._t))
        if status == self._status:
            return b""
        self._status = status
        return status

    def _answer(self) -> list[bytes]:
        """Return how the running answer goes on, or that it has ended, or that there is one now."""
        frames = []
        if self._generation is None:
            self._attach()
            if self._generation is None:
                return self._over()
            frames.append(self._begin(self._generation))
        generation = self._generation
        missed = generation.log.since(self._told)
        if missed is None:
            frames.append(self._snapshot(generation))
            missed = []
        for event in missed:
            self._told += 1
            frames.append(self._event(generation, event))
            if isinstance(event, Done):
                self._leave()
        return frames

    def _attach(self) -> None:
        conversation = self._shown.conversation
        self._generation = self._node.chat.running_in(conversation) if conversation else None
        if self._generation is not None:
            self._generation.log.watchers.add(self._wake)

    def _leave(self) -> None:
        if self._generation is not None:
            self._generation.log.watchers.discard(self._wake)
            self._generation = None
            self._shown.running = ""

    def _over(self) -> list[bytes]:
        """Say that the answer has ended which the page still shows as running."""
        shown = self._shown.running
        if not shown or self._node.chat.running(shown):
            return []
        self._shown.running = ""
        return [_frame("done", {"message": shown, "state": ""})]

    def _begin(self, generation: Generation) -> bytes:
        """Go on after the last event that the browser has got, or begin with everything up to now."""
        message, _, number = self._last_id.rpartition(".")
        self._last_id = ""
        known = int(number) if number.isdecimal() and len(number) <= _MOST_DIGITS else None
        if message == generation.message.id and known is not None and generation.log.since(known) is not None:
            self._told = known
            return b""
        return self._snapshot(generation)

    def _snapshot(self, generation: Generation) -> bytes:
        snapshot = generation.snapshot()
        self._told = generation.log.last
        data = {
            "message": generation.message.id,
            "html": snapshot.html,
            "open": snapshot.open,
            "thinking": snapshot.thinking,
            **self._phase(snapshot.phase),
        }
        return _frame("snapshot", data, self._id(generation))

    def _event(self, generation: Generation, event: Event) -> bytes:
        number = self._id(generation)
        if isinstance(event, Phase):
            return _frame("state", {"message": generation.message.id, **self._phase(event)}, number)
        if isinstance(event, Done):
            return _frame("done", {"message": generation.message.id, "state": event.state}, number)
        return _frame(_NAMES[type(event)], event, number)

    def _phase(self, phase: Phase) -> dict[str, object]:
        return {"phase": phase.name, "text": describe_phase(phase, self._t), "progress": round(phase.progress, 3)}

    def _id(self, generation: Generation) -> str:
        return f"{generation.message.id}.{self._told}"


def _frame(name: str, data: object, number: str = "") -> bytes:
    """Return one event; JSON has no line ends in it."""
    head = f"id: {number}\nevent: {name}\n" if number else f"event: {name}\n"
    return head.encode() + b"data: " + msgspec.json.encode(data) + b"\n\n"
