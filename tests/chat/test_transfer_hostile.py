"""Every value of a file in every format is replaced by what does not belong there."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from agent.chat.transfer import detect_and_read
from agent.errors import InputError
from tests.chat.chatgpt_files import conversation, node

CHATGPT = [
    conversation(
        node("root", None),
        node("q", "root", "user", "question", create_time=1.7e9),
        node("t", "q", "assistant", content={"content_type": "thoughts", "thoughts": [{"summary": "s"}]}),
        node("a", "t", "assistant", "answer", metadata={"model_slug": "m"}),
        current="a",
    )
]
OPEN_WEBUI = [
    {
        "id": "1",
        "title": "t",
        "created_at": 1.7e9,
        "chat": {
            "title": "t",
            "params": {"system": "s"},
            "messages": [{"role": "user", "content": "hi"}],
            "history": {
                "currentId": "q",
                "messages": {
                    "q": {"id": "q", "parentId": None, "role": "user", "content": [{"type": "text", "text": "hi"}]},
                    "a": {"id": "a", "parentId": "q", "role": "assistant", "content": '<details type="reasoning">'},
                    "f": {"role": "user", "files": [{"name": "n", "file": {"data": {"content": "text"}}}]},
                },
            },
        },
    }
]
EDGEWISE = {
    "format": "edgewise-conversations",
    "version": 1,
    "conversations": [
        {
            "id": "1",
            "title": "t",
            "settings": {"temperature": 1.0},
            "leaf": "b",
            "messages": [
                {"id": "a", "role": "user", "text": "x", "attachments": [{"name": "n", "bytes": 1, "text": "x"}]},
                {"id": "b", "parent_id": "a", "role": "assistant", "text": "y", "state": "cut", "stats": {"prompt": 1}},
            ],
        }
    ],
}
JUNK: tuple[Any, ...] = (None, True, 0, -1, 1e308, 2**70, "", "a", "q", [], {}, [[]], {"a": 1}, [None], "\0", "\ud800")


def mutants(value: Any) -> Iterator[Any]:  # noqa: ANN401 - JSON
    """Yield the value once for each place in it and each kind of junk, with the junk in that place."""
    yield from JUNK
    if isinstance(value, dict):
        yield from ({**value, key: mutant} for key in value for mutant in mutants(value[key]))
        yield from ({other: value[other] for other in value if other != key} for key in value)
    if isinstance(value, list):
        yield from ([*value[:n], mutant, *value[n + 1 :]] for n in range(len(value)) for mutant in mutants(value[n]))


@pytest.mark.parametrize("file", [CHATGPT, OPEN_WEBUI, EDGEWISE], ids=["chatgpt", "open_webui", "edgewise"])
def test_a_file_is_read_or_refused_whatever_stands_in_it(file: object) -> None:
    read = 0
    for mutant in mutants(file):
        try:
            conversations = detect_and_read(json.dumps(mutant).encode())
        except InputError:
            continue
        read += 1
        for found in conversations:
            seen: set[str | None] = {None}
            for message in found.messages:
                assert message.parent_id in seen
                seen.add(message.id)
            assert found.leaf in seen - {None}
    assert read > 50


@pytest.mark.parametrize("spoiled", [b"\xff", b"\xed\xa0\x80", b"\\u12", b"\\", b"\x01"], ids=repr)
def test_a_file_with_a_broken_string_is_refused(spoiled: bytes) -> None:
    for name in (b"question", b"From afar", b"6531-abc"):
        with pytest.raises(InputError):
            detect_and_read(json.dumps(CHATGPT).encode().replace(name, spoiled))
