"""Asking, stopping, asking again: with the echo engine in its process and a real database."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from agent.chat.events import Done, Phase
from agent.chat.records import ChatSettings
from agent.errors import InputError, NotFoundError
from tests.chat.answering import answering, ask, ended, text_of, thoughts, until, watch

TAIL = '<span class="tail">'


def test_an_answer_is_kept_with_what_it_took(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            conversation, answer = await ask(node, ada, "!text Hello **you**")
            assert (answer.text, answer.state, answer.model) == ("Hello **you**", "complete", "echo")
            assert "<strong>you</strong>" in answer.html
            assert answer.stats.completion == len("Hello **you**") + 1
            assert answer.stats.prompt > 0
            assert answer.stats.context == 4096
            assert conversation.leaf == answer.id
            assert conversation.title

    asyncio.run(scenario())


def test_viewers_get_the_answer_as_it_grows_and_its_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            _, _, answer = await node.chat.send(ada, None, "!delay 2 !text One\n\nTwo *and* three")
            first, second = await asyncio.gather(watch(node, answer), watch(node, answer))
            assert first == second
            assert isinstance(first[-1], Done)
            shown = text_of(first)
            kept = await ended(node, answer)
            assert shown.replace("\n", "") == kept.html.replace("\n", "")

    asyncio.run(scenario())


def test_a_late_viewer_gets_a_snapshot_and_then_the_rest(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            _, _, answer = await node.chat.send(ada, None, "!delay 3 !text First.\n\nSecond paragraph, longer.")
            await until(lambda: "Second" in (run.draft.text if (run := node.chat.running(answer.id)) else ""))
            generation = node.chat.running(answer.id)
            assert generation is not None
            snapshot = generation.snapshot()
            assert "First." in snapshot.html
            assert "Second" in snapshot.open.replace(TAIL, "")
            rest = await watch(node, answer, generation.log.last)
            assert "First." not in text_of(rest)

    asyncio.run(scenario())


def test_stop_keeps_what_was_said_and_frees_the_engine(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            _, _, answer = await node.chat.send(ada, None, "!delay 5 !count 5000")
            await until(lambda: "3" in (run.draft.text if (run := node.chat.running(answer.id)) else ""))
            await node.chat.stop(ada, answer.id)
            kept = await ended(node, answer)
            assert kept.state == "stopped"
            assert kept.text.startswith("1 2 3")
            await until(lambda: node.health().active == 0)
            assert kept.stats.completion >= 5

    asyncio.run(scenario())


def test_an_answer_goes_on_when_it_is_resumed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            _, _, answer = await node.chat.send(ada, None, "hello", settings=ChatSettings(max_tokens=3))
            kept = await ended(node, answer)
            assert (kept.text, kept.state) == ("hel", "cut")
            resumed = await node.chat.resume(ada, answer.id)
            assert resumed.id == answer.id
            assert resumed.state == "running"
            more = await ended(node, answer)
            assert more.text.startswith("hel")
            assert len(more.text) > len("hel")
            assert more.stats.completion == 6

    asyncio.run(scenario())


def test_only_an_answer_that_was_cut_off_can_be_resumed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            _, answer = await ask(node, ada, "hello")
            with pytest.raises(InputError, match="cut off"):
                await node.chat.resume(ada, answer.id)

    asyncio.run(scenario())


def test_another_answer_stands_beside_the_first(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            conversation, first = await ask(node, ada, "hello")
            second = await ended(node, await node.chat.regenerate(ada, first.id))
            assert second.versions == (first.id, second.id)
            thread = await node.chat.messages.thread(ada, conversation.id)
            assert [message.id for message in thread][-1] == second.id

    asyncio.run(scenario())


def test_a_changed_question_begins_a_branch(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            conversation, _ = await ask(node, ada, "one")
            question = (await node.chat.messages.thread(ada, conversation.id))[0]
            _, changed, answer = await node.chat.edit(ada, question.id, "two")
            assert (await ended(node, answer)).text == "two"
            thread = await node.chat.messages.thread(ada, conversation.id)
            assert [message.text for message in thread] == ["two", "two"]
            assert thread[0].versions == (question.id, changed.id)

    asyncio.run(scenario())


def test_a_changed_question_keeps_its_files(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            file = await node.chat.attachments.add(ada, "list.txt", b"eggs")
            conversation, question, answer = await node.chat.send(ada, None, "one", attachments=[file.id])
            assert "eggs" in (await ended(node, answer)).text
            _, _, answer = await node.chat.edit(ada, question.id, "two")
            assert "eggs" in (await ended(node, answer)).text
            thread = await node.chat.messages.thread(ada, conversation.id)
            assert [file.name for file in thread[0].attachments] == ["list.txt"]

    asyncio.run(scenario())


def test_what_a_model_thinks_is_apart_from_what_it_says(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            _, _, answer = await node.chat.send(ada, None, "!delay 2 !text <think>hm, well</think>\n\nYes.")
            events = await watch(node, answer)
            assert thoughts(events) == "hm, well"
            kept = await ended(node, answer)
            assert (kept.thinking, kept.text) == ("hm, well", "Yes.")
            assert kept.stats.thinking > 0
            assert [event.name for event in events if isinstance(event, Phase)][-2:] == ["thinking", "answering"]

    asyncio.run(scenario())


def test_the_model_does_not_see_what_it_thought_before(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            conversation, first = await ask(node, ada, "!text <think>secret</think>Yes.")
            _, second = await ask(node, ada, "more", conversation)
            said = first.stats.prompt + len("Yes.")
            assert second.stats.prompt < said + 100

    asyncio.run(scenario())


def test_an_engine_that_dies_leaves_the_reason_and_what_was_said(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            conversation, _, answer = await node.chat.send(ada, None, "!delay 5 !count 5000")
            await until(lambda: "3" in (run.draft.text if (run := node.chat.running(answer.id)) else ""))
            os.kill(node.engine_pid, signal.SIGKILL)
            kept = await ended(node, answer)
            assert kept.state == "failed"
            assert "SIGKILL" in kept.error
            assert kept.cause == "died"
            assert kept.text.startswith("1 2 3")
            _, again = await ask(node, ada, "still there?", conversation)
            assert again.text == "still there?"

    asyncio.run(scenario())


def test_a_conversation_that_is_deleted_frees_the_engine_and_keeps_what_was_said(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            conversation, _, answer = await node.chat.send(ada, None, "!delay 5 !count 5000")
            await until(lambda: "3" in (run.draft.text if (run := node.chat.running(answer.id)) else ""))
            await node.chat.delete(ada, conversation.id)
            await until(lambda: node.chat.running(answer.id) is None)
            await node.chat.conversations.restore(ada, conversation.id)
            kept = await node.chat.messages.get(ada, answer.id)
            assert kept.state == "stopped"
            assert kept.text.startswith("1 2 3")

    asyncio.run(scenario())


def test_a_question_waits_for_a_model_that_is_restarting(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            os.kill(node.engine_pid, signal.SIGKILL)
            await until(lambda: node.health().status != "ok")
            _, _, answer = await node.chat.send(ada, None, "hello")
            events = await watch(node, answer)
            assert Phase("loading") == Phase(next(e.name for e in events if isinstance(e, Phase)))
            assert (await ended(node, answer)).text == "hello"

    asyncio.run(scenario())


def test_a_question_says_its_place_in_the_queue(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path, parallel=1) as (node, ada):
            bob = await node.security.users.add("bob", "correct horse")
            _, _, first = await node.chat.send(bob.id, None, "!delay 5 !count 80")
            await until(lambda: node.health().active == 1)
            _, _, second = await node.chat.send(ada, None, "hello")
            events = await watch(node, second)
            places = [event for event in events if isinstance(event, Phase) and event.name == "queued"]
            assert [place.position for place in places] == [1]
            assert places[0].seconds > 0
            assert (await ended(node, first)).state == "complete"

    asyncio.run(scenario())


def test_one_answer_at_a_time_in_a_conversation(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            conversation, _, answer = await node.chat.send(ada, None, "!delay 5 !count 400")
            with pytest.raises(InputError, match="still being written"):
                await node.chat.send(ada, conversation.id, "and?")
            await node.chat.stop(ada, answer.id)
            await ended(node, answer)
            assert len(await node.chat.messages.thread(ada, conversation.id)) == 2

    asyncio.run(scenario())


def test_one_person_cannot_fill_the_queue(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            for _ in range(4):
                await node.chat.send(ada, None, "!delay 5 !count 400")
            with pytest.raises(InputError, match="4 answers"):
                await node.chat.send(ada, None, "and?")

    asyncio.run(scenario())


def test_nobody_asks_stops_or_changes_in_the_name_of_others(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            conversation, question, answer = await node.chat.send(ada, None, "!delay 5 !count 400")
            bob = (await node.security.users.add("bob", "correct horse")).id
            for attempt in (
                node.chat.send(bob, conversation.id, "mine?"),
                node.chat.stop(bob, answer.id),
                node.chat.regenerate(bob, answer.id),
                node.chat.edit(bob, question.id, "mine"),
                node.chat.resume(bob, answer.id),
            ):
                with pytest.raises(NotFoundError):
                    await attempt
            assert node.chat.running(answer.id) is not None

    asyncio.run(scenario())


def test_answers_that_run_when_the_device_stops_are_kept_as_far_as_they_are(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            conversation, _, answer = await node.chat.send(ada, None, "!delay 5 !count 5000")
            await until(lambda: "3" in (run.draft.text if (run := node.chat.running(answer.id)) else ""))
        async with answering(tmp_path) as (node, ada):
            kept = (await node.chat.messages.thread(ada, conversation.id))[-1]
            assert kept.text.startswith("1 2 3")
            assert kept.state in {"failed", "stopped"}

    asyncio.run(scenario())


def test_open_pages_hear_of_what_changes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            wake = asyncio.Event()
            with node.chat.feed.subscribe(ada, wake) as news:
                conversation, _ = await ask(node, ada, "hello")
                assert wake.is_set()
                assert news.listing
                assert news.threads == {conversation.id}

    asyncio.run(scenario())
