"""A daemon with the echo engine whose owner has 1000 conversations of 50 messages, and a browser that is signed in."""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from agent.chat.importing import import_into
from agent.chat.portable import PortableConversation, PortableMessage
from agent.chat.transfer import edgewise
from agent.config import Config
from agent.markdown.render import render
from agent.node import Node
from benchmarks import rendering, servers
from web.door.cookie import SessionCookie

_CONVERSATIONS, _EXCHANGES = 1000, 25
_DEVICES = 3  # a session may have a dozen open pages
_DAY = 24 * 3600
_NAME, _PASSWORD = "Ada", "correct horse battery"
_SENTENCE = "It takes about an hour, and a second person who holds the ladder makes it easier. "
_TOPICS = ("a weekend in the hills", "crème brûlée", "两天的旅行计划", "el número de teléfono", "sorting networks")


@dataclass(frozen=True)
class Filled:
    """Where the daemon is, and addresses of what is in it."""

    server: servers.Server
    cookies: list[str]
    csrf: str
    user: str
    conversation: str
    question: str
    answer: str

    @property
    def cookie(self) -> str:
        """The cookie of the browser; `cookies` has those of the owner's other devices too."""
        return self.cookies[0]

    def client(self) -> httpx.Client:
        """Return a browser's headers in a client."""
        headers = {"Cookie": self.cookie, "Origin": self.server.url, "X-CSRF-Token": self.csrf}
        return httpx.Client(base_url=self.server.url, headers=headers, timeout=60, trust_env=False)


@contextmanager
def filled(*flags: str, conversations: int = _CONVERSATIONS) -> Iterator[Filled]:
    """Fill a device and run it."""
    with tempfile.TemporaryDirectory() as state:
        found = asyncio.run(_fill(Path(state), conversations))
        with servers.daemon(Path(state), *(flags or ("--engine", "echo"))) as server:
            yield Filled(server=server, **found)


async def _fill(state: Path, conversations: int) -> dict[str, Any]:
    """Write everything through the classes of the daemon; returns ids, and the cookies of sessions."""
    node = Node(Config(state_dir=state, engine="echo", offline=True), {})
    await node.open()
    try:
        user = await node.security.users.add(_NAME, _PASSWORD, "admin")
        sessions = [await node.security.sign_in(_NAME, _PASSWORD, agent="", address="") for _ in range(_DEVICES)]
        for number in range(conversations):
            await import_into(node.store, user.id, edgewise.write(conversation(number, rich=number == 0)))
        await _look_at_all(node)
        newest = (await node.chat.conversations.listed(user.id, limit=1))[0]
        question, answer = (await node.chat.messages.thread(user.id, newest.id))[:2]
        found = {"user": user.id, "conversation": newest.id, "question": question.id, "answer": answer.id}
        cookie = SessionCookie(node.id).name
        return {**found, "cookies": [f"{cookie}={token}" for token, _ in sessions], "csrf": sessions[0][1].csrf}
    finally:
        await node.stop()


def conversation(number: int, *, rich: bool) -> PortableConversation:
    """Return a conversation; `rich`: every answer is two kilobytes of lists, tables or code, else every third."""
    asked = time.time() - number * _DAY / 5
    topic = _TOPICS[number % len(_TOPICS)]
    messages: list[PortableMessage] = []
    for turn in range(_EXCHANGES):
        texts = (f"Question {turn} about {topic}: what comes after step {number}?", _answer(number, turn, rich=rich))
        above = messages[-1].id if messages else None
        asking = PortableMessage(f"q{turn}", "user", texts[0], above, asked + turn, state="sent")
        messages += [asking, PortableMessage(f"a{turn}", "assistant", texts[1], asking.id, asked + turn)]
    return PortableConversation(f"benchmark-{number}", f"{topic} {number}", messages, asked, asked)


def _answer(number: int, turn: int, *, rich: bool) -> str:
    if rich or turn % 3 == 0:
        return rendering.document(rendering.ANSWERS[(number + turn) % 3], turn)
    return f"That is step {turn + 1}, **{_TOPICS[turn % len(_TOPICS)]}**: {_SENTENCE * 4}"


async def _look_at_all(node: Node) -> None:
    """Have every answer rendered, as if somebody had seen it before; equal ones are rendered once."""
    query = "SELECT id, text FROM messages WHERE role = 'assistant'"
    texts = dict(await node.store.read(lambda database: database.execute(query).fetchall()))
    html = {text: render(text) for text in set(texts.values())}
    await node.chat.messages.keep_html({message: html[text] for message, text in texts.items()})
