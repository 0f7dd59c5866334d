"""A node with the echo engine and a person who talks to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agent.chat.events import Block, Delta, Done, Event, More, Open, Think
from agent.chat.records import Conversation, Message
from agent.config import Config, engine_environment
from agent.node import Node
from tests.markdown.reading import extended


@asynccontextmanager
async def answering(state: Path, **settings: object) -> AsyncIterator[tuple[Node, str]]:
    """Yield a node that is ready, and the id of a person."""
    node = Node(Config(state_dir=state, engine="echo", **settings), engine_environment())  # type: ignore[arg-type]
    await node.open()
    node.start()
    try:
        ada = await node.security.users.find("ada") or await node.security.users.add("ada", "correct horse", "admin")
        await until(lambda: node.health().status in {"ok", "failed"})
        yield node, ada.id
    finally:
        await node.stop()


async def until(condition: object, seconds: float = 10) -> None:
    """Wait for a condition."""
    assert callable(condition)
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


async def ended(node: Node, answer: Message) -> Message:
    """Wait for the end of an answer and return it as it was kept."""
    await until(lambda: node.chat.running(answer.id) is None)
    owner = (await node.chat.messages.path(await owner_of(node, answer), answer.id))[-1]
    assert owner.id == answer.id
    return owner


async def owner_of(node: Node, answer: Message) -> str:
    """Return whose conversation a message is in."""
    query = "SELECT user_id FROM conversations WHERE id = ?"
    found = await node.store.read(lambda db: db.execute(query, [answer.conversation_id]).fetchone())
    return str(found[0])


async def ask(
    node: Node, user: str, text: str, conversation: Conversation | None = None
) -> tuple[Conversation, Message]:
    """Send a question and return the conversation and the whole answer."""
    there, _, answer = await node.chat.send(user, conversation.id if conversation else None, text)
    whole = await ended(node, answer)
    return await node.chat.conversations.get(user, there.id), whole


async def watch(node: Node, answer: Message, after: int = 0) -> list[Event]:
    """Return the events of a running answer, from that number to the last."""
    generation = node.chat.running(answer.id)
    assert generation is not None
    wake, events = asyncio.Event(), list[Event]()
    generation.log.watchers.add(wake)
    while not any(isinstance(event, Done) for event in events):
        async with asyncio.timeout(10):
            news = generation.log.since(after)
            assert news is not None
            events += news
            after += len(news)
            if not news:
                await wake.wait()
                wake.clear()
    return events


def text_of(events: list[Event]) -> str:
    """Return the HTML that a page shows after these events, without what is around the tail."""
    committed = opened = tail = ""
    for event in events:
        match event:
            case Block(html=html):
                committed, opened, tail = committed + html, "", ""
            case More(html=html):
                committed, opened, tail = extended(committed, html), "", ""
            case Open(html=html):
                opened, tail = html, ""
            case Delta(text=text):
                tail += text
    return committed + opened.replace('<span class="tail"></span>', tail)


def thoughts(events: list[Event]) -> str:
    """Return what the model thought."""
    return "".join(event.text for event in events if isinstance(event, Think))
