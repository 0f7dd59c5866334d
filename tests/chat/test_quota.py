"""Nobody fills the disk: how much each person may keep, and what goes on all the same."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from sqlite_utils import Database

from agent.chat.attachments import Attachments
from agent.chat.chat import Chat
from agent.chat.conversations import Conversations
from agent.chat.importing import import_into
from agent.chat.messages import Messages
from agent.chat.quota import ROW, Quota
from agent.chat.records import Message
from agent.errors import NoRoomError
from agent.node import Node
from agent.store import Store
from tests.chat.answering import answering, ask
from tests.chat.chatgpt_files import conversation, node
from tests.chat.talking import count, say, talk

KB = 1000
QUOTA = Quota(100 * KB)
LARGE = b"x" * 60 * KB


async def used(store: Store, user: str) -> int:
    """Return what a person keeps, by trying how much more there would be room for."""
    low, high = 0, 10**9 + 1

    def fits(database: Database) -> bool:
        return Quota(10**9).fits(database, user, middle)

    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if await store.read(fits) else (low, middle)
    return 10**9 - low


async def type_in(store: Store, text: str) -> Message:
    """Keep a message in a new conversation."""
    made = await Conversations(store, QUOTA).create("anna", title="t")
    return await Messages(store, QUOTA).append("anna", made.id, parent_id=None, role="user", text=text, state="sent")


def chatgpt(number: int, size: int) -> bytes:
    """Return a file with that many conversations of one message each."""
    nodes = [node("n", None, "user", f"{i:{size}}") for i in range(number)]
    entries = [conversation(made, conversation_id=f"{size}-{i}") for i, made in enumerate(nodes)]
    return json.dumps(entries).encode()


def test_everything_that_a_person_keeps_is_counted_in_bytes(store: Store) -> None:
    async def run() -> None:
        assert await used(store, "anna") == 0
        made = await Conversations(store).create("anna", title="ü")
        assert await used(store, "anna") == ROW + 2
        await Conversations(store).save_draft("anna", made.id, "字" * 10)
        assert await used(store, "anna") == ROW + 2 + 30
        said = await say(store, made, [], "字")
        assert await used(store, "anna") == 2 * ROW + 2 + 30 + 3
        await Messages(store).keep_html({said.id: "<p>字"})
        await Messages(store).checkpoint(said.id, "not running", "")
        assert await used(store, "anna") == 2 * ROW + 2 + 30 + 9
        await Attachments(store).add("anna", "a.txt", b"text")
        assert await used(store, "anna") == 3 * ROW + 2 + 30 + 9 + 4
        assert await used(store, "bert") == 0

    asyncio.run(run())


def test_a_file_for_which_there_is_no_room_is_refused_with_what_to_do(store: Store) -> None:
    async def run() -> None:
        files = Attachments(store, QUOTA)
        first = await files.add("anna", "a.txt", LARGE)
        with pytest.raises(NoRoomError, match=r"59.1 KiB of 97.7 KiB") as refused:
            await files.add("anna", "b.txt", LARGE)
        assert "Delete chats" in refused.value.hint
        assert await files.unsent("anna") == [first]
        await files.add("bert", "b.txt", LARGE)
        await files.remove("anna", first.id)
        await files.add("anna", "b.txt", LARGE)

    asyncio.run(run())


def test_a_question_that_is_changed_over_and_over_does_not_multiply_its_files(store: Store) -> None:
    async def run() -> None:
        files = Attachments(store, QUOTA)
        first = await files.add("anna", "a.txt", LARGE)
        with pytest.raises(NoRoomError):
            await files.copy("anna", [first.id])
        assert await files.unsent("anna") == [first]

    asyncio.run(run())


def test_what_is_typed_goes_on_when_files_find_no_room_but_not_for_ever(store: Store) -> None:
    async def run() -> None:
        files = Attachments(store, QUOTA)
        await files.add("anna", "a.txt", b"x" * 98 * KB)
        with pytest.raises(NoRoomError):
            await type_in(store, "x" * 40 * KB)  # nobody types that
        for _ in range(3):
            await type_in(store, "x" * 30 * KB)
        with pytest.raises(NoRoomError):
            await type_in(store, "x" * 30 * KB)
        kept = (await Conversations(store).listed("anna"))[0]
        with pytest.raises(NoRoomError):
            await Conversations(store, QUOTA).save_draft("anna", kept.id, "x" * 30 * KB)
        await Conversations(store, QUOTA).save_draft("anna", kept.id, "")
        await Conversations(store, QUOTA).rename("anna", kept.id, "other")
        await Conversations(store, QUOTA).delete("anna", kept.id)

    asyncio.run(run())


def test_the_bin_gives_way_when_room_is_needed_and_not_before(store: Store) -> None:
    async def run() -> None:
        files, kept = Attachments(store, QUOTA), Conversations(store, QUOTA)
        thrown, stays = await type_in(store, "x" * 30 * KB), await type_in(store, "stays")
        await kept.delete("anna", thrown.conversation_id)
        await files.add("anna", "a.txt", b"x" * 60 * KB)
        await kept.restore("anna", thrown.conversation_id)
        await kept.delete("anna", thrown.conversation_id)
        await files.add("anna", "b.txt", b"x" * 30 * KB)
        assert await count(store, "conversations") == 1
        assert (await Messages(store).get("anna", stays.id)).text == "stays"

    asyncio.run(run())


def test_an_import_ends_where_the_room_does_and_what_has_come_is_whole(store: Store) -> None:
    async def run() -> None:
        with pytest.raises(NoRoomError):
            await import_into(store, "anna", chatgpt(9, 20 * KB), QUOTA)
        listed = await Conversations(store).listed("anna")
        assert len(listed) == 4
        assert await count(store, "conversations") == len(listed)
        assert await used(store, "anna") <= QUOTA.most

    asyncio.run(run())


def test_imports_at_the_same_time_do_not_get_more_room_together(store: Store) -> None:
    async def run() -> None:
        data = [chatgpt(1, size * KB) for size in range(70, 80)]
        tries = [import_into(store, "anna", file, QUOTA) for file in data]
        done = await asyncio.gather(*tries, return_exceptions=True)
        assert any(isinstance(result, NoRoomError) for result in done)
        assert await used(store, "anna") <= QUOTA.most + 2 * ROW * len(data)

    asyncio.run(run())


def test_files_leave_a_reserve_of_the_disk_but_room_inside_the_database_is_used(store: Store, tmp_path: Path) -> None:
    full = Quota(0, 1 << 60, tmp_path)

    async def run() -> None:
        with pytest.raises(NoRoomError, match="nearly full") as refused:
            await Attachments(store, full).add("anna", "a.txt", b"x")
        assert "Delete chats" in refused.value.hint
        made = await Conversations(store, full).create("anna", title="typed")
        await Messages(store, full).append("anna", made.id, parent_id=None, role="user", text="x", state="sent")
        large = await Attachments(store).add("anna", "a.txt", b"x" * 900 * KB)
        await Attachments(store).remove("anna", large.id)
        await Attachments(store, full).add("anna", "b.txt", b"x" * 500 * KB)

    asyncio.run(run())


def test_counting_takes_a_moment_however_long_the_chats_are(store: Store) -> None:
    async def run() -> None:
        made, _ = await talk(store)
        rows = [(str(number), made.id, "x" * 4 * KB) for number in range(10_000)]
        query = """INSERT INTO messages (id, conversation_id, role, text, state, created)
                   VALUES (?, ?, 'user', ?, 'sent', 0)"""
        await store.write(lambda database: database.conn.executemany(query, rows))
        took = []
        for name in ("a.txt", "b.txt", "c.txt"):
            begun = time.perf_counter()
            await Attachments(store, Quota(1 << 30)).add("anna", name, b"x")
            took.append(time.perf_counter() - begun)
        assert min(took) < 0.1, "reading the texts would take longer each time; other programs do not"

    asyncio.run(run())


def test_a_node_holds_people_to_the_setting(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path, chat_quota=1) as (device, ada):
            await fill(device, ada)
            with pytest.raises(NoRoomError, match=r"1.0 MiB"):
                await device.chat.attachments.add(ada, "b.txt", b"x" * 300 * KB)
            with pytest.raises(NoRoomError):
                await device.chat.bring(ada, chatgpt(1, 300 * KB))
            _, answer = await ask(device, ada, "!text still here")
            assert answer.text == "still here"

    async def fill(device: Node, user: str) -> None:
        await device.chat.attachments.add(user, "a.txt", b"x" * 900 * KB)

    asyncio.run(scenario())


def test_answers_that_were_brought_are_shown_without_being_kept_where_there_is_no_room(
    tmp_path: Path, store: Store
) -> None:
    async def run() -> None:
        made, (_, answer) = await talk(store, "?", "**yes**")
        full = Quota(1, 0, tmp_path)
        for quota, kept in ((full, False), (QUOTA, True)):
            thread = await Chat(store, None, quota).thread("anna", made.id)  # type: ignore[arg-type]  # nothing is asked
            assert "<strong>yes</strong>" in thread[1].html
            assert bool((await Messages(store).get("anna", answer.id)).html) is kept

    asyncio.run(run())
