"""What belongs to somebody else: every route is tried with the ids of another person's things."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlite_utils import Database

from agent.chat.records import ChatSettings
from tests.web.door.house import HOME, House, Route, Visitor, house
from web.door.cookie import SessionCookie
from web.paths import is_api

MARK = "Zugspitze"  # is in everything that Bob has, and in nothing else
TABLES = ("users", "sessions", "api_keys", "presets", "conversations", "messages", "attachments")
FIELDS = ("c", "m", "attachments", "attachment", "preset", "preset_id", "conversation", "message", "user", "id", "name")


async def things_of_bob(device: House) -> dict[str, str]:
    """Give Bob one of everything, and return the ids by what they are of."""
    chat, bob = device.node.chat, (await device.node.security.users.find("Bob"))
    assert bob is not None
    conversation = await chat.conversations.create(bob.id, title=MARK, system=MARK)
    first = await chat.attachments.add(bob.id, f"{MARK}.txt", MARK.encode())
    question = await chat.messages.append(
        bob.id, conversation.id, parent_id=None, role="user", text=MARK, state="sent", attachments=[first.id]
    )
    answer = await chat.messages.append(
        bob.id, conversation.id, parent_id=question.id, role="assistant", text=MARK, state="complete"
    )
    unsent = await chat.attachments.add(bob.id, f"{MARK}.md", MARK.encode())
    preset = await chat.presets.add(bob.id, name=MARK, system=MARK, settings=ChatSettings())
    key, _ = await device.node.security.keys.create(MARK, ["chat"], bob.id)
    session = (await device.node.security.sessions.list(bob.id))[0]
    return {
        "user": bob.id,
        "conversation": conversation.id,
        "question": question.id,
        "answer": answer.id,
        "attachment": first.id,
        "unsent": unsent.id,
        "preset": preset.id,
        "key": key.id,
        "session": session.id,
    }


async def all_of_bob(device: House, bob: str) -> dict[str, list[Any]]:
    """Return every row that is Bob's."""
    owner = {"users": "id = ?", "messages": "conversation_id IN (SELECT id FROM conversations WHERE user_id = ?)"}

    def read(database: Database) -> dict[str, list[Any]]:
        found = {}
        for table in TABLES:
            query = f"SELECT * FROM {table} WHERE {owner.get(table, 'user_id = ?')} ORDER BY 1"  # noqa: S608 - our names
            found[table] = database.execute(query, [bob]).fetchall()
        return found

    return await device.node.store.read(read)


async def eve(device: House) -> Visitor:
    """Return somebody with an account, with a session that is new: the last request may have ended hers."""
    found = await device.node.security.users.find("Eve")
    assert found is not None
    token, _ = await device.node.security.sessions.begin(found.id, agent="tests", address="192.0.2.7")
    identity = await device.node.security.identify_session(token)
    assert identity is not None
    cookie = f"{SessionCookie(device.node.id).name}={token}"
    return Visitor({"cookie": cookie, "origin": HOME, "x-csrf-token": identity.csrf})


async def ask(device: House, route: Route, path: str, identifier: str, *, htmx: bool) -> httpx.Response:
    """Send a request that names somebody else's thing wherever a request can name something."""
    shown = {"hx_request": "true", "hx_current_url": f"{HOME}/c/{identifier}"} if htmx else {}
    fields = dict.fromkeys(FIELDS, identifier) | {"text": "hello", "pinned": "1", "title": "mine", "system": "mine"}
    body = {"data": fields} if route.method != "GET" else {}
    visitor = (await eve(device)).but(**shown)
    return await device.ask(route.method, path, visitor, params={"c": identifier, "m": identifier}, **body)


@pytest.mark.parametrize("htmx", [False, True])
def test_no_route_shows_or_changes_what_belongs_to_somebody_else(tmp_path: Path, *, htmx: bool) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as device:
            await device.person("Ada", "admin")
            await device.person("Bob", "user")
            await device.person("Eve", "user")
            things = await things_of_bob(device)
            before = await all_of_bob(device, things["user"])
            assert all(before.values())
            tried = 0
            for route in device.routes():
                if htmx and is_api(route.path):
                    continue  # only pages know what htmx is
                named = "{" in route.template
                for what, identifier in things.items():
                    path = route.path.replace("something", identifier)
                    reply = await ask(device, route, path, identifier, htmx=htmx)
                    assert MARK not in reply.text, f"{route.method} {path} shows Bob's {what}"
                    away = reply.headers.get("hx-redirect") == f"/?deleted={identifier}"  # as if it had been deleted
                    refused = reply.status_code >= 400 or away
                    assert refused or not named, f"{route.method} {path} answers {reply.status_code} for Bob's {what}"
                    tried += 1
                assert await all_of_bob(device, things["user"]) == before, f"{route.method} {route.template}"
            assert tried > (400 if htmx else 500)

    asyncio.run(scenario())


def test_files_do_not_wait_in_the_conversations_of_others(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as device:
            await device.person("Ada", "admin")
            await device.person("Bob", "user")
            await device.person("Eve", "user")
            things = await things_of_bob(device)
            files, fields = {"files": ("a.txt", b"hello")}, {"conversation": things["conversation"]}
            reply = await device.ask("POST", "/attachments", await eve(device), files=files, data=fields)
            assert reply.status_code == 404

    asyncio.run(scenario())


def test_bob_himself_sees_what_is_his(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as device:
            await device.person("Ada", "admin")
            bob = await device.person("Bob", "user")
            things = await things_of_bob(device)
            for path in (f"/c/{things['conversation']}", f"/m/{things['answer']}", "/export.json", "/presets"):
                assert MARK in (await device.ask("GET", path, bob)).text

    asyncio.run(scenario())
