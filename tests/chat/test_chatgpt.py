import json
from typing import Any

from agent.chat.portable import PortableConversation
from agent.chat.transfer import detect_and_read
from tests.chat.chatgpt_files import conversation, node


def read(*conversations: dict[str, Any]) -> list[PortableConversation]:
    return detect_and_read(json.dumps(conversations).encode())


def thread(found: PortableConversation) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in found.messages]


def test_the_tree_is_read_with_its_branches_times_and_models() -> None:
    (found,) = read(
        conversation(
            node("root", None),
            node("system", "root", "system"),
            node("q", "system", "user", "question", create_time=1_700_000_001.0),
            node("a2", "q", "assistant", "second", create_time=1_700_000_020.0, metadata={"model_slug": "gpt-5"}),
            node("a1", "q", "assistant", "first", create_time=1_700_000_010.0),
            current="a1",
        )
    )
    assert (found.id, found.title, found.created, found.updated) == (
        "6531-abc",
        "From afar",
        1_700_000_000.5,
        1_700_000_900.5,
    )
    question, first, second = found.messages
    assert thread(found) == [("user", "question"), ("assistant", "first"), ("assistant", "second")]
    assert (question.parent_id, first.parent_id, second.parent_id) == (None, question.id, question.id)
    assert (first.created, second.model) == (1_700_000_010.0, "gpt-5")
    assert found.leaf == first.id


def test_what_the_page_does_not_show_is_left_out_and_steps_are_joined() -> None:
    hidden = {"is_visually_hidden_from_conversation": True}
    thoughts = {"content_type": "thoughts", "thoughts": [{"summary": "Plan", "content": "look it up"}]}
    (found,) = read(
        conversation(
            node("c", None, "user", "my profile", metadata=hidden),
            node("q", "c", "user", "question"),
            node("t", "q", "assistant", content=thoughts),
            node("r", "t", "assistant", content={"content_type": "reasoning_recap", "content": "Thought for 4 s"}),
            node("s", "r", "assistant", "I will search."),
            node("call", "s", "assistant", '{"q": 1}', recipient="web.search"),
            node("result", "call", "tool", "a page"),
            node("a", "result", "assistant", "Found \ue200cite\ue202turn0search1\ue201it."),
            current="a",
        )
    )
    assert thread(found) == [("user", "question"), ("assistant", "I will search.\n\nFound it.")]
    assert found.messages[1].thinking == "Plan\n\nlook it up"
    assert found.leaf == found.messages[1].id


def test_alternatives_after_a_step_stay_apart() -> None:
    (found,) = read(
        conversation(
            node("q", None, "user", "question"),
            node("s", "q", "assistant", "I will search."),
            node("t1", "s", "tool", "x"),
            node("t2", "s", "tool", "y"),
            node("a1", "t1", "assistant", "one"),
            node("a2", "t2", "assistant", "two"),
        )
    )
    assert [message.text for message in found.messages] == ["question", "I will search.", "one", "two"]
    assert [message.parent_id for message in found.messages] == [None, "q", "s", "s"]


def test_images_code_and_transcripts_are_told_as_text() -> None:
    parts = [{"content_type": "image_asset_pointer", "asset_pointer": "file://1"}, {"text": "spoken"}, "typed", 7, None]
    (found,) = read(
        conversation(
            node("q", None, "user", content={"content_type": "multimodal_text", "parts": parts}),
            node("a", "q", "assistant", content={"content_type": "code", "language": "unknown", "text": "x = 1"}),
        )
    )
    assert thread(found) == [("user", "[image]\n\nspoken\n\ntyped"), ("assistant", "```\nx = 1\n```")]


def test_gaps_and_nulls_of_old_exports_are_borne() -> None:
    (found,) = read(
        {
            "mapping": {
                "a": {"message": {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["hello"]}}},
                "b": {"message": {"author": {"role": "assistant"}, "content": None, "metadata": None}, "parent": "a"},
                "c": {"message": None, "parent": "gone", "children": ["nobody"]},
            },
            "title": None,
        }
    )
    assert thread(found) == [("user", "hello")]
    assert found.title == "hello"
