"""Exports of ChatGPT, as far as they matter."""

from typing import Any


def node(name: str, parent: str | None, role: str = "", text: str = "", **message: object) -> dict[str, Any]:
    """Return a node of the mapping; one without a role has no message."""
    content = {"content_type": "text", "parts": [text]}
    body = {"id": name, "author": {"role": role, "name": None}, "content": content, "recipient": "all", **message}
    return {"id": name, "message": body if role else None, "parent": parent, "children": []}


def conversation(*nodes: dict[str, Any], current: str | None = None, **values: object) -> dict[str, Any]:
    """Return an entry of conversations.json."""
    mapping = {found["id"]: found for found in nodes}
    return {
        "title": "From afar",
        "create_time": 1_700_000_000.5,
        "update_time": 1_700_000_900.5,
        "mapping": mapping,
        "current_node": current,
        "conversation_id": "6531-abc",
        "id": "6531-abc",
        **values,
    }
