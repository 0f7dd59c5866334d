import asyncio

import pytest
from sqlite_utils import Database

from agent.chat.attachments import Attachments
from agent.chat.conversations import Conversations
from agent.chat.messages import Messages
from agent.chat.records import Message, Stats
from agent.errors import NotFoundError
from agent.store import Store
from tests.chat.talking import say, talk


def texts(messages: list[Message]) -> list[str]:
    return [message.text for message in messages]


def test_a_thread_is_the_shown_branch_and_knows_its_versions(store: Store) -> None:
    async def run() -> None:
        conversation, (question, first) = await talk(store, "question", "answer")
        second = await say(store, conversation, [question], "other answer", answer=True)
        thread = await Messages(store).thread("anna", conversation.id)
        assert texts(thread) == ["question", "other answer"]
        assert [message.versions for message in thread] == [(question.id,), (first.id, second.id)]

    asyncio.run(run())


def test_selecting_a_version_shows_its_newest_continuation(store: Store) -> None:
    async def run() -> None:
        messages = Messages(store)
        conversation, said = await talk(store, "one", "two", "three", "four")
        again = await say(store, conversation, said[:3], "four again", answer=True)
        edited = await say(store, conversation, [], "one, asked differently")
        assert texts(await messages.thread("anna", conversation.id)) == [edited.text]
        shown = await messages.select("anna", said[0].id)
        assert shown.leaf == again.id
        assert texts(await messages.thread("anna", conversation.id)) == ["one", "two", "three", "four again"]
        assert texts(await messages.path("anna", said[1].id)) == ["one", "two"]

    asyncio.run(run())


def test_a_thread_takes_as_many_queries_however_long_it_is(store: Store) -> None:
    async def run() -> tuple[int, int]:
        short, _ = await talk(store, "a", "b")
        long, _ = await talk(store, *("text",) * 60)
        return await _queries(store, short.id), await _queries(store, long.id)

    short, long = asyncio.run(run())
    assert short == long <= 4


async def _queries(store: Store, conversation_id: str) -> int:
    seen: list[str] = []
    await store.read(lambda database: database.conn.set_trace_callback(seen.append))
    await Messages(store).thread("anna", conversation_id)
    await store.read(lambda database: database.conn.set_trace_callback(None))
    return sum(query.startswith("SELECT") for query in seen)


def test_a_message_goes_only_into_a_conversation_of_its_user(store: Store) -> None:
    async def run() -> None:
        conversation, said = await talk(store, "hers")
        with pytest.raises(NotFoundError):
            await Messages(store).append("bert", conversation.id, parent_id=None, role="user", text="x", state="sent")
        for foreign in (Messages(store).get, Messages(store).path, Messages(store).select, Messages(store).reopen):
            with pytest.raises(NotFoundError):
                await foreign("bert", said[0].id)
        assert texts(await Messages(store).thread("anna", conversation.id)) == ["hers"]

    asyncio.run(run())


def test_a_message_follows_only_one_of_the_same_conversation(store: Store) -> None:
    async def run() -> None:
        _, said = await talk(store, "there")
        here, _ = await talk(store, "here")
        with pytest.raises(NotFoundError):
            await say(store, here, said, "no")
        assert texts(await Messages(store).thread("anna", here.id)) == ["here"]

    asyncio.run(run())


def test_attachments_are_sent_once_and_only_by_their_user(store: Store) -> None:
    async def run() -> None:
        messages, attachments = Messages(store), Attachments(store)
        conversation, _ = await talk(store, user="bert")
        hers = await attachments.add("anna", "hers.txt", b"hers")
        his = await attachments.add("bert", "his.txt", "his ü".encode())

        async def send(attachment: str) -> Message:
            return await messages.append(
                "bert", conversation.id, parent_id=None, role="user", text="", state="sent", attachments=[attachment]
            )

        sent = await send(his.id)
        assert sent.attachments == (his,)
        assert (his.bytes, his.characters) == (6, 5)
        for refused in (hers.id, his.id):
            with pytest.raises(NotFoundError):
                await send(refused)
        assert await messages.thread("bert", conversation.id) == [sent]

    asyncio.run(run())


def test_answers_left_running_by_a_crash_are_failed_and_keep_their_text(store: Store) -> None:
    async def run() -> Message:
        messages = Messages(store)
        conversation, said = await talk(store, "question")
        answer = await messages.append(
            "anna", conversation.id, parent_id=said[0].id, role="assistant", text="", state="running"
        )
        await messages.checkpoint(answer.id, "half an ans", "hm")
        assert await messages.interrupted() == 1
        assert await messages.interrupted() == 0
        await messages.checkpoint(answer.id, "too late", "")
        return await messages.get("anna", answer.id)

    found = asyncio.run(run())
    assert (found.state, found.text, found.thinking) == ("failed", "half an ans", "hm")
    assert "restarted" in found.error
    assert found.cause == "restarted"


def test_a_finished_answer_is_kept_whole_and_can_be_reopened(store: Store) -> None:
    stats = Stats(prompt=10, completion=5, decode=0.5, left_out=2)

    async def run() -> None:
        messages = Messages(store)
        conversation, (_, answer) = await talk(store, "question", "")
        await messages.finish(
            answer.id, text="t", thinking="h", html="<p>t</p>", state="cut", error="e", model="m", stats=stats
        )
        (_, found) = await messages.thread("anna", conversation.id)
        assert (found.text, found.thinking, found.html, found.state) == ("t", "h", "<p>t</p>", "cut")
        assert (found.error, found.model, found.stats) == ("e", "m", stats)
        reopened = await messages.reopen("anna", answer.id)
        assert (reopened.state, reopened.error, reopened.text) == ("running", "", "t")

    asyncio.run(run())


def test_an_answer_whose_conversation_was_deleted_ends_quietly(store: Store) -> None:
    async def run() -> None:
        _, (_, answer) = await talk(store, "question", "")
        await Conversations(store).delete_all("anna")
        await Messages(store).finish(
            answer.id, text="t", thinking="", html="", state="complete", error="", model="", stats=Stats()
        )
        assert await store.read(_first_message) is None

    asyncio.run(run())


def _first_message(database: Database) -> object:
    return database.execute("SELECT id FROM messages").fetchone()
