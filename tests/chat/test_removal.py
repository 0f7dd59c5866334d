"""Whose chats or account are removed has nothing written for them any more."""

import asyncio
from pathlib import Path

import pytest

from agent.chat import keeping
from agent.chat.events import Done
from agent.chat.records import Message
from agent.node import Node
from agent.security.accounts import Accounts
from agent.store import Store
from tests.chat.answering import answering, ended, until, watch
from tests.chat.talking import count

LONG = "!delay 5 !count 5000"


async def begin(node: Node, user: str) -> Message:
    """Return an answer of which something has been said."""
    _, _, answer = await node.chat.send(user, None, LONG)
    await until(lambda: "3" in (run.draft.text if (run := node.chat.running(answer.id)) else ""))
    return answer


def test_all_answers_of_a_person_end_at_once_and_no_others(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            bob = await node.security.users.add("bob", "correct horse")
            his = [await begin(node, bob.id), await begin(node, bob.id)]
            hers = await begin(node, ada)
            watching = asyncio.create_task(watch(node, his[0]))
            await asyncio.sleep(0)
            await node.security.users.remove(bob.id)
            node.chat.stop_all(bob.id)
            assert (await watching)[-1] == Done("stopped")
            await until(lambda: not any(node.chat.running(answer.id) for answer in his))
            await until(lambda: node.health().active == 1)
            assert await count(node.store, "messages") == 2
            assert node.chat.running(hers.id)
            await node.chat.stop(ada, hers.id)
            assert (await ended(node, hers)).state == "stopped"

    asyncio.run(scenario())


def test_who_deletes_all_chats_has_no_answer_left_and_may_ask_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            answers = [await begin(node, ada), await begin(node, ada)]
            await node.chat.delete_all(ada)
            await until(lambda: not any(node.chat.running(answer.id) for answer in answers))
            await until(lambda: node.health().active == 0)
            assert await count(node.store, "conversations") == await count(node.store, "messages") == 0
            _, _, answer = await node.chat.send(ada, None, "!text again")
            assert (await ended(node, answer)).text == "again"

    asyncio.run(scenario())


def test_an_answer_whose_person_another_process_has_removed_ends_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_CHECKPOINT_SECONDS", 0.05)

    async def scenario() -> None:
        async with answering(tmp_path, parallel=1) as (node, ada):
            bob = await node.security.users.add("bob", "correct horse")
            hers, talking = await begin(node, ada), await begin_waiting(node, bob.id)
            elsewhere = Store(node.store.path)
            elsewhere.open()
            await Accounts.on(elsewhere, tmp_path).users.remove(bob.id)
            elsewhere.close()
            await until(lambda: node.chat.running(talking.id) is None)
            assert node.chat.running(hers.id)
            await node.chat.delete_all(ada)

    async def begin_waiting(node: Node, user: str) -> Message:
        _, _, answer = await node.chat.send(user, None, LONG)
        return answer

    asyncio.run(scenario())


def test_what_a_running_answer_has_is_written_down_while_it_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_CHECKPOINT_SECONDS", 0.05)

    async def scenario() -> None:
        async with answering(tmp_path) as (node, ada):
            answer = await begin(node, ada)
            kept = answer
            async with asyncio.timeout(10):
                while not kept.text:
                    await asyncio.sleep(0.02)
                    kept = await node.chat.messages.get(ada, answer.id)
            assert kept.text.startswith("1")
            assert kept.state == "running"

    asyncio.run(scenario())
