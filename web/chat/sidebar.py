"""The list of conversations beside every page of the chat."""

import time
from datetime import datetime, timedelta
from typing import Any

from agent.chat.conversations import Position
from agent.chat.records import Conversation
from agent.node import Node
from web.page import PageRequest
from web.paths import path_of
from web.person import person

_PAGE = 50  # conversations loaded at a time
_WEEK = timedelta(days=7)


async def sidebar(request: PageRequest, node: Node, *, before: Position | None = None) -> dict[str, Any]:
    """Return what `chat/list.html` needs: one page of the list, from the top or after a place."""
    rows = await node.chat.conversations.listed(person(request).user_id, limit=_PAGE + 1, before=before)
    shown = rows[:_PAGE]
    more = _after(shown[-1]) if len(rows) > _PAGE else ""
    return {"groups": grouped(shown, time.time(), before), "more": more, "current": current(request)}


def grouped(
    rows: list[Conversation], now: float, before: Position | None = None
) -> list[tuple[str, list[Conversation]]]:
    """Return conversations under headings: pinned, today, yesterday, the week before, older.

    Args:
        rows: in the order of the list.
        now: seconds since 1970; days begin at midnight where the device is.
        before: the place after which the rows begin; a heading that stands there already is left empty.
    """
    groups: list[tuple[str, list[Conversation]]] = []
    above = _heading(before[0], before[1], now) if before else ""
    for row in rows:
        heading = _heading(row.pinned, row.updated, now)
        if heading == above and not groups:
            groups.append(("", []))
        elif heading != above:
            groups.append((heading, []))
        above = heading
        groups[-1][1].append(row)
    return groups


def _heading(pinned: bool, updated: float, now: float) -> str:  # noqa: FBT001 - both are columns of the list
    if pinned:
        return "pinned"
    today = datetime.fromtimestamp(now).astimezone().date()
    day = datetime.fromtimestamp(updated).astimezone().date()
    if day >= today:
        return "today"
    if day == today - timedelta(days=1):
        return "yesterday"
    return "week" if day >= today - _WEEK else "older"


def position(text: str) -> Position | None:
    """Return the place that an address names, or None when it names none."""
    try:
        pinned, updated, conversation_id = text.split("_", 2)
        return bool(int(pinned)), float(updated), conversation_id
    except ValueError:
        return None


def _after(last: Conversation) -> str:
    return f"{last.pinned:d}_{last.updated!r}_{last.id}"


def current(request: PageRequest) -> str:
    """Return the id of the conversation that the page shows, also when only the list is asked for."""
    path = path_of(request.headers.get("hx-current-url", "")).partition("?")[0] or request.url.path
    parts = path.split("/")
    return parts[2] if len(parts) > 2 and parts[1] == "c" else ""  # noqa: PLR2004 - /c/{id}
