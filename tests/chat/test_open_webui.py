import json
from typing import Any

from agent.chat.portable import PortableAttachment, PortableConversation
from agent.chat.transfer import detect_and_read

THOUGHT = """<details type="reasoning" done="true" duration="3">
<summary>Thought for 3 seconds</summary>
&gt; Is it &lt;b&gt;?
> Yes.
</details>
It is."""


def read(chat: dict[str, Any], **entry: object) -> PortableConversation:
    (found,) = detect_and_read(json.dumps([{"id": "1-2-3", "user_id": "x", "chat": chat, **entry}]).encode())
    return found


def message(name: str, parent: str | None, role: str, content: object, **values: object) -> dict[str, Any]:
    return {"id": name, "parentId": parent, "childrenIds": [], "role": role, "content": content, **values}


def test_the_tree_of_a_chat_is_read() -> None:
    messages = [
        message("q", None, "user", "question", timestamp=1_700_000_001),
        message("a2", "q", "assistant", "second", timestamp=1_700_000_009, model="llama3:8b"),
        message("a1", "q", "assistant", THOUGHT, timestamp=1_700_000_005),
    ]
    history = {"messages": {found["id"]: found for found in messages}, "currentId": "a1"}
    chat = {"title": "Inner", "history": history, "messages": messages[:2], "params": {"system": "Be brief."}}
    found = read(chat, title="Outer", created_at=1_700_000_000, updated_at=1_700_000_100, pinned=True)
    assert (found.id, found.title, found.system, found.pinned) == ("1-2-3", "Outer", "Be brief.", True)
    assert (found.created, found.updated) == (1_700_000_000, 1_700_000_100)
    assert [(m.role, m.text, m.parent_id) for m in found.messages] == [
        ("user", "question", None),
        ("assistant", "It is.", "q"),
        ("assistant", "second", "q"),
    ]
    assert found.messages[1].thinking == "Is it <b>?\nYes."
    assert found.messages[2].model == "llama3:8b"
    assert found.leaf == "a1"


def test_a_plain_list_of_messages_is_a_tree_of_one_branch() -> None:
    turns = [
        {"role": "system", "content": "ignored"},
        {"role": "user", "content": [{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {}}]},
        {"role": "assistant", "content": "hi"},
    ]
    found = read({"messages": turns, "timestamp": 1_700_000_000_000})
    assert [(m.text, m.parent_id) for m in found.messages] == [("hello", None), ("hi", found.messages[0].id)]
    assert (found.title, found.created) == ("hello", 1_700_000_000)


def test_the_texts_of_attached_files_come_along() -> None:
    files = [
        {"type": "file", "name": "a.txt", "file": {"data": {"content": "ünd"}}},
        {"type": "image", "url": "data:"},
        "junk",
    ]
    found = read({"messages": [{"role": "user", "content": "see file", "files": files}]})
    assert found.messages[0].attachments == [PortableAttachment("a.txt", 4, "ünd")]


def test_thinking_that_never_ends_stays_in_the_text() -> None:
    text = '<details type="reasoning" done="false">\n' * 20_000
    found = read({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": text}]})
    assert (found.messages[1].text, found.messages[1].thinking) == (text.strip(), "")
