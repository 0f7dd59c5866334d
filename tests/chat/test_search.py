import asyncio

import pytest

from agent.chat.conversations import Conversations
from agent.chat.excerpt import excerpt
from agent.chat.records import Hit
from agent.chat.search import search
from agent.store import Store
from tests.chat.talking import talk

HOSTILE = ["", '"', '""', "*", "NEAR(", "NEAR(a b)", "-", "- ^ {a} :", "text:", "a AND", "NOT", "%", "\\", "\0", "a\0b"]
HOSTILE += ["x" * 10_000, "( " * 5000, "'; DROP TABLE messages", "_" * 300, "字" * 10_000, "e\u0301" * 100, "\u202e"]


def found(store: Store, query: str, *texts: str) -> list[Hit]:
    """Search after keeping one conversation for each of the texts."""

    async def run() -> list[Hit]:
        for text in texts:
            await talk(store, text)
        return await search(store, "anna", query)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("tempera", "The temperature is high"),
        ("KOLN", "In Köln am Rhein"),
        ("köln", "KOLN"),
        ("high temp", "The temperature is high"),
        ("foo_bar", "call foo_bar(1)"),
        ("c++", "written in C++"),
        ("don't", "I don't know"),
        ("50%", "a discount of 50 %"),
        ("量子", "请解释一下量子力学"),
        ("python 教程", "一个 Python教程"),
        ("%机", "100%机会"),
        ("сло", "новое слово"),
    ],
)
def test_words_are_found_by_their_beginning_without_case_and_accents(store: Store, query: str, text: str) -> None:
    (hit,) = found(store, query, text, "something else")
    assert hit.match


@pytest.mark.parametrize("query", ["perature", "high low", "量子 经典", "_机", "\\", "the OR high"])
def test_what_is_not_there_is_not_found(store: Store, query: str) -> None:
    assert found(store, query, "The temperature is high, 量子力学 机") == []


@pytest.mark.parametrize(
    "query",
    HOSTILE,
    ids=repr,
)
def test_whatever_is_typed_is_no_syntax(store: Store, query: str) -> None:
    assert len(found(store, query, "The temperature is high")) <= 1


def test_nothing_of_somebody_else_or_in_the_bin_is_found(store: Store) -> None:
    async def run() -> None:
        for title, texts in (("secret 字", ("a secret 字",)), ("x", ("a secret 字",))):
            made, _ = await talk(store, *texts, title=title)
            await Conversations(store).delete("anna", made.id)
            await talk(store, *texts, title=title, user="bert")
        for query in ("secret", "字"):
            assert await search(store, "anna", query) == []

    asyncio.run(run())


def test_a_conversation_is_found_once_by_its_best_message(store: Store) -> None:
    async def run() -> None:
        conversation, (_, best, _) = await talk(store, f"egg {'and more ' * 50}", "egg egg", f"egg {'or less ' * 50}")
        (hit,) = await search(store, "anna", "egg")
        assert (hit.conversation_id, hit.message_id) == (conversation.id, best.id)

    asyncio.run(run())


def test_titles_come_before_texts(store: Store) -> None:
    async def run() -> None:
        titled, _ = await talk(store, "nothing", title="All about Éggs")
        both, (message,) = await talk(store, "an egg", title="egg")
        text, _ = await talk(store, "egg egg egg")
        hits = await search(store, "anna", "egg")
        assert [hit.conversation_id for hit in hits] == [both.id, titled.id, text.id]
        assert [bool(hit.message_id) for hit in hits] == [True, False, True]
        assert hits[0].message_id == message.id
        assert (hits[1].before, hits[1].match, hits[1].after) == ("All about ", "Égg", "s")

    asyncio.run(run())


def test_an_excerpt_is_one_line_around_the_match() -> None:
    text = f"{'before ' * 100}\n\nthe  Größe\nis {'after ' * 100}"
    before, match, after = excerpt(text, ["grosse", "große"])
    assert (match, before[:1], after[-1:]) == ("Größe", "…", "…")
    assert before.endswith("before the ")
    assert after.startswith(" is after")
    assert len(before) < 60
    assert len(after) < 120


def test_an_excerpt_prefers_the_beginning_of_a_word() -> None:
    assert excerpt("begin in", ["in"]) == ("begin ", "in", "")
    assert excerpt("begin", ["in"]) == ("beg", "in", "")
    assert excerpt("nothing", ["zzz"]) == ("", "", "nothing")
