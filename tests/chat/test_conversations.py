import asyncio
from collections.abc import Awaitable, Callable

import pytest

from agent.chat.attachments import Attachments
from agent.chat.conversations import Conversations, Position
from agent.chat.messages import Messages
from agent.chat.records import ChatSettings, Conversation
from agent.chat.search import search
from agent.errors import InputError, NotFoundError
from agent.store import Store
from tests.chat.talking import count, say, talk


def test_the_list_has_pinned_ones_first_and_then_the_newest(store: Store) -> None:
    async def run() -> list[str]:
        kept = Conversations(store)
        made = [await kept.create("anna", title=title) for title in ("old", "middle", "new")]
        await kept.pin("anna", made[0].id, pinned=True)
        await say(store, made[1], [], "touches it")
        return [conversation.title for conversation in await kept.listed("anna")]

    assert asyncio.run(run()) == ["old", "middle", "new"]


def test_pages_of_the_list_meet_without_gap_or_overlap(store: Store) -> None:
    async def run() -> list[str]:
        kept = Conversations(store)
        for number in range(11):
            made = await kept.create("anna", title=str(number))
            await kept.pin("anna", made.id, pinned=number % 4 == 0)
        found: list[Conversation] = []
        before: Position | None = None
        while page := await kept.listed("anna", limit=2, before=before):
            found += page
            before = (page[-1].pinned, page[-1].updated, page[-1].id)
        return [conversation.title for conversation in found]

    assert asyncio.run(run()) == ["8", "4", "0", "10", "9", "7", "6", "5", "3", "2", "1"]


@pytest.mark.parametrize(
    "change",
    [
        lambda kept, user, found: kept.get(user, found),
        lambda kept, user, found: kept.rename(user, found, "mine"),
        lambda kept, user, found: kept.pin(user, found, pinned=True),
        lambda kept, user, found: kept.configure(user, found, system="", settings=ChatSettings()),
        lambda kept, user, found: kept.save_draft(user, found, "mine"),
        lambda kept, user, found: kept.delete(user, found),
        lambda kept, user, found: kept.restore(user, found),
    ],
    ids=["get", "rename", "pin", "configure", "draft", "delete", "restore"],
)
def test_what_belongs_to_somebody_else_does_not_exist(
    store: Store, change: Callable[[Conversations, str, str], Awaitable[object]]
) -> None:
    async def run() -> None:
        kept = Conversations(store)
        made = await kept.create("anna", title="hers")
        with pytest.raises(NotFoundError) as of_another:
            await change(kept, "bert", made.id)
        with pytest.raises(NotFoundError) as of_nobody:
            await change(kept, "bert", "0123456789abcdef")
        assert of_another.value.message == of_nobody.value.message
        assert await kept.get("anna", made.id) == made

    asyncio.run(run())


def test_a_conversation_in_the_bin_is_gone_until_it_is_restored(store: Store) -> None:
    async def run() -> None:
        kept = Conversations(store)
        made, (message,) = await talk(store, "hello")
        await kept.delete("anna", made.id)
        assert await kept.listed("anna") == []
        with pytest.raises(NotFoundError):
            await kept.get("anna", made.id)
        with pytest.raises(NotFoundError):
            await Messages(store).get("anna", message.id)
        await kept.purge()
        await kept.restore("anna", made.id)
        assert await kept.listed("anna") == [made]

    asyncio.run(run())


def test_while_nobody_knows_the_time_the_order_is_kept_and_the_bin_is_not_emptied_too_soon(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        kept, attachments = Conversations(store), Attachments(store)
        old = await kept.create("anna", title="old")
        with monkeypatch.context() as patched:
            patched.setattr("time.time", lambda: 300.0)  # in 1970, as a board without a battery starts
            new = await kept.create("anna", title="new")
            assert await kept.listed("anna") == [new, old]
            await kept.delete("anna", new.id)
            file = await attachments.add("anna", "a.txt", b"to be sent")
        await kept.purge()
        await attachments.purge()
        await kept.restore("anna", new.id)
        assert await attachments.text("anna", file.id) == "to be sent"

    asyncio.run(run())


def test_emptying_the_bin_leaves_nothing_of_a_conversation(store: Store) -> None:
    async def run() -> None:
        kept, attachments = Conversations(store), Attachments(store)
        file = await attachments.add("anna", "a.txt", b"secret")
        made = await kept.create("anna", title="x")
        await Messages(store).append(
            "anna", made.id, parent_id=None, role="user", text="secret", state="sent", attachments=[file.id]
        )
        other, _ = await talk(store, "other")
        await kept.delete("anna", made.id)
        await kept.purge(older_than=-1)
        assert await kept.listed("anna") == [other]
        assert [await count(store, table) for table in ("messages", "attachments")] == [1, 0]
        await kept.create("anna", title="x")
        assert await search(store, "anna", "secret") == []

    asyncio.run(run())


def test_deleting_all_spares_other_users(store: Store) -> None:
    async def run() -> None:
        await talk(store, "hers")
        his, _ = await talk(store, "his", user="bert")
        await Conversations(store).delete_all("anna")
        assert await Conversations(store).listed("anna") == []
        assert await Conversations(store).listed("bert") == [his]
        assert await count(store, "messages") == 1

    asyncio.run(run())


def test_settings_system_prompt_and_draft_are_kept(store: Store) -> None:
    async def run() -> Conversation:
        kept = Conversations(store)
        made = await kept.create("anna", title="x")
        await kept.configure("anna", made.id, system=" Be brief. ", settings=ChatSettings(temperature=0.2, seed=0))
        await kept.save_draft("anna", made.id, "half a quest")
        return await kept.get("anna", made.id)

    found = asyncio.run(run())
    assert (found.system, found.draft) == ("Be brief.", "half a quest")
    assert found.settings == ChatSettings(temperature=0.2, seed=0)


def test_a_title_is_one_line_with_something_in_it(store: Store) -> None:
    async def run() -> str:
        kept = Conversations(store)
        made = await kept.create("anna", title="x")
        with pytest.raises(InputError) as refused:
            await kept.rename("anna", made.id, " \x00\n\u202e ")
        assert refused.value.field == "title"
        await kept.rename("anna", made.id, " a\nnew\u202e  title\x07")
        return (await kept.get("anna", made.id)).title

    assert asyncio.run(run()) == "a new title"


def test_a_great_many_conversations_are_removed_while_others_write(store: Store) -> None:
    async def scenario() -> None:
        conversations = Conversations(store)
        for number in range(45):
            await conversations.create("anna", title=str(number))
        kept = await conversations.create("bert", title="kept")
        removal = asyncio.create_task(conversations.delete_all("anna"))
        await asyncio.sleep(0)
        await conversations.rename("bert", kept.id, "renamed")
        assert not removal.done()
        assert not await conversations.listed("anna")
        await removal
        assert (await conversations.get("bert", kept.id)).title == "renamed"
        left = await store.read(
            lambda database: [row["user_id"] for row in database.query("SELECT * FROM conversations")]
        )
        assert left == ["bert"]

    asyncio.run(scenario())
