import asyncio
import json
from typing import Any

import pytest
from msgspec.structs import replace

from agent.chat.attachments import Attachments
from agent.chat.conversations import Conversations
from agent.chat.exporting import export_all, export_one
from agent.chat.importing import import_into
from agent.chat.messages import Messages
from agent.chat.records import ChatSettings, Conversation, Message, Stats
from agent.chat.search import search
from agent.chat.transfer import LARGEST, detect_and_read
from agent.errors import InputError, NotFoundError, StoreError
from agent.store import Store
from tests.chat.chatgpt_files import conversation, node
from tests.chat.talking import count, say, talk

STATS = Stats(prompt=7, completion=3, decode=0.25)


async def everything(store: Store, user: str = "anna") -> bytes:
    return b"".join([piece async for piece in export_all(store, user)])


async def rich(store: Store) -> Conversation:
    """Keep a conversation with all that one can have."""
    kept, messages = Conversations(store), Messages(store)
    made = await kept.create("anna", title="Ünï", system="Be brief.", settings=ChatSettings(temperature=0.1, seed=3))
    file = await Attachments(store).add("anna", "a.txt", "ünd".encode())
    question = await messages.append(
        "anna", made.id, parent_id=None, role="user", text="question", state="sent", attachments=[file.id]
    )
    answer = await say(store, made, [question], "", answer=True)
    await messages.finish(
        answer.id, text="*answer*", thinking="hm", html="<p>", state="cut", error="why", model="m", stats=STATS
    )
    await say(store, made, [question], "another", answer=True)
    await messages.select("anna", answer.id)
    await kept.pin("anna", made.id, pinned=True)
    return await kept.get("anna", made.id)


def bare(message: Message) -> Message:
    """Return a message without what is made anew on each device."""
    files = tuple(replace(file, id="") for file in message.attachments)
    versions = ("",) * len(message.versions)
    return replace(message, id="", conversation_id="", parent_id=None, html="", attachments=files, versions=versions)


def test_what_is_exported_comes_back_whole_for_another_user(store: Store) -> None:
    async def run() -> None:
        hers = await rich(store)
        await talk(store, "more")
        assert await import_into(store, "bert", await everything(store)) == 2
        kept, messages = Conversations(store), Messages(store)
        his = (await kept.listed("bert"))[0]
        assert his == replace(hers, id=his.id, user_id="bert", leaf=his.leaf)
        theirs = await messages.thread("anna", hers.id), await messages.thread("bert", his.id)
        assert [bare(message) for message in theirs[0]] == [bare(message) for message in theirs[1]]
        (file,) = theirs[1][0].attachments
        assert await Attachments(store).text("bert", file.id) == "ünd"
        await messages.select("bert", theirs[1][1].versions[1])
        assert [message.text for message in await messages.thread("bert", his.id)] == ["question", "another"]
        assert [hit.conversation_id for hit in await search(store, "bert", "another")] == [his.id]

    asyncio.run(run())


def test_what_is_here_already_is_not_imported_again(store: Store) -> None:
    async def run() -> None:
        made, _ = await talk(store, "text")
        exported = await everything(store)
        assert await import_into(store, "anna", exported) == 0
        assert [await import_into(store, "bert", exported) for _ in range(2)] == [1, 0]
        foreign = json.dumps([conversation(node("q", None, "user", "hello"), id=None, conversation_id=None)]).encode()
        assert [await import_into(store, "anna", foreign) for _ in range(2)] == [1, 0]
        await Conversations(store).delete("anna", made.id)
        assert await import_into(store, "anna", exported) == 1
        assert len(await Conversations(store).listed("anna")) == 2

    asyncio.run(run())


def test_an_import_that_was_cut_off_is_in_the_bin_and_gives_way(store: Store) -> None:
    roles = ("user", "assistant")
    nodes = [node(f"{n:05}", f"{n - 1:05}" if n else None, roles[n % 2], f"text {n}") for n in range(1200)]
    data = json.dumps([conversation(*nodes)]).encode()
    full = """CREATE TRIGGER full BEFORE INSERT ON messages WHEN new.text = 'text 700'
              BEGIN SELECT RAISE(ABORT, 'disk full'); END"""

    async def run() -> None:
        await store.write(lambda database: database.execute(full))
        with pytest.raises(StoreError):
            await import_into(store, "anna", data)
        assert await count(store, "messages") == 500
        assert await Conversations(store).listed("anna") == []
        await store.write(lambda database: database.execute("DROP TRIGGER full"))
        assert await import_into(store, "anna", data) == 1
        assert await count(store, "messages") == 1200
        assert len(await Conversations(store).listed("anna")) == 1

    asyncio.run(run())


def test_markdown_shows_the_branch_that_is_shown(store: Store) -> None:
    async def run() -> None:
        made = await rich(store)
        file = await export_one(store, "anna", made.id, "markdown")
        assert (file.name, file.media_type) == ("Ünï.md", "text/markdown")
        assert file.content.decode() == (
            "# Ünï\n\n> Be brief.\n\n## You\n\nAttached: a.txt\n\nquestion\n\n## Assistant (m)\n\n"
            "<details><summary>Thinking</summary>\n\nhm\n\n</details>\n\n*answer*\n\n*why*\n"
        )

    asyncio.run(run())


def test_nobody_exports_what_belongs_to_another(store: Store) -> None:
    async def run() -> None:
        made, _ = await talk(store, "hers")
        for form in ("edgewise", "markdown"):
            with pytest.raises(NotFoundError):
                await export_one(store, "bert", made.id, form)
        assert json.loads(await everything(store, "bert"))["conversations"] == []

    asyncio.run(run())


@pytest.mark.parametrize("form", ["chatgpt", "../edgewise", "os", ""])
def test_only_formats_that_can_be_written_are(store: Store, form: str) -> None:
    async def run() -> None:
        made, _ = await talk(store, "text")
        with pytest.raises(NotFoundError):
            await export_one(store, "anna", made.id, form)

    asyncio.run(run())


def own(**values: object) -> bytes:
    return json.dumps({"format": "edgewise-conversations", "version": 1, "conversations": [], **values}).encode()


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"hello", "not JSON"),
        (b'{"format": "edge', "not JSON"),
        (b"[" * 1_000_000, "not JSON"),
        (b'[{"chat":' + b"[" * 100_000 + b"]" * 100_000 + b"}]", "not JSON"),
        (b"\x00\xff" * 100, "not JSON"),
        (b"PK\x03\x04rest", "ZIP"),
        (b"[]", "no conversation"),
        (b"{}", "no known format"),
        (b"7", "no known format"),
        (b"[null]", "no known format"),
        (b'[[{"mapping": {}}]]', "no known format"),
        (b'[{"mapping": {}}]', "no conversation"),
        (b'[{"mapping": 7}]', "Entry 1"),
        (b'[{"mapping": {}}, {"chat": {}}]', "Entry 2"),
        (b'[{"mapping": {"a": {"message": "text"}}}]', "Entry 1"),
        (b'[{"chat": {"messages": {}}}]', "Entry 1"),
        (own(version=2), "edgewise-conversations 2"),
        (own(format="x"), "x 1"),
        (own(conversations=[7]), "Entry 1"),
        (
            own(conversations=[{"id": "1", "title": "x", "messages": [{"id": "1", "role": "tool", "text": ""}]}]),
            "Entry 1",
        ),
        (bytes(LARGEST + 1), "50.0 MiB"),
    ],
    ids=lambda value: repr(value[-40:]),
)
def test_files_that_are_no_conversations_are_refused_with_the_reason(data: bytes, match: str) -> None:
    with pytest.raises(InputError, match=match) as refused:
        detect_and_read(data)
    assert refused.value.field == "file"
    assert refused.value.hint


def turn(name: str, parent: str | None, **values: object) -> dict[str, Any]:
    return {"id": name, "parent_id": parent, "role": "user", "text": name, **values}


def read(*messages: dict[str, Any], **values: object) -> list[tuple[str, str | None]]:
    whole = {"id": "1", "title": "x", "messages": messages, **values}
    (found,) = detect_and_read(own(conversations=[whole]))
    return [(message.id, message.parent_id) for message in found.messages]


def test_circles_are_left_out_and_orphans_become_first() -> None:
    circle = (turn("a", "b"), turn("b", "a"), turn("c", "b"), turn("self", "self"))
    assert read(*circle, turn("orphan", "gone"), turn("child", "orphan")) == [("orphan", None), ("child", "orphan")]


def test_children_before_their_parents_and_doubles_are_put_right() -> None:
    found = read(turn("c", "b"), turn("b", "a"), turn("d", "a"), turn("a", None), turn("a", "c"), turn("e", "a"))
    assert found == [("a", None), ("b", "a"), ("c", "b"), ("d", "a"), ("e", "a")]


@pytest.mark.parametrize("deep", [True, False])
def test_a_hundred_thousand_messages_are_read_in_bounded_time(deep: bool) -> None:  # noqa: FBT001 - a parameter
    many = [turn(str(n), str(n - 1 if deep else 0) if n else None) for n in range(100_000)]
    assert len(read(*reversed(many))) == 100_000


def test_times_and_states_that_cannot_be_are_put_right() -> None:
    answer = {"id": "b", "parent_id": "a", "role": "assistant", "text": "x\0y", "state": "running", "created": -5}
    whole = {
        "id": "1",
        "title": "",
        "updated": 9e15,
        "created": 1.5,
        "leaf": "gone",
        "messages": [turn("a", None), answer],
    }
    (found,) = detect_and_read(own(conversations=[whole]))
    assert found.created == found.updated == found.messages[1].created > 1_700_000_000
    assert (found.leaf, found.title) == ("b", "a")
    assert [(message.text, message.state) for message in found.messages] == [("a", "sent"), ("xy", "stopped")]


def test_half_a_character_does_not_spoil_the_file() -> None:
    title = rb'"title": "cut \ud83d", "x": "\\ud83d \ud83d\ude00"'
    data = json.dumps([conversation(node("q", None, "user", "hello"))]).encode().replace(b'"title": "From afar"', title)
    (found,) = detect_and_read(data)
    assert found.title == "cut \ufffd"
