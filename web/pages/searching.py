"""Search in all conversations of a person."""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from agent.chat.search import search
from agent.node import Node
from web.chat.sidebar import sidebar
from web.page import PageRequest, page, wants_fragment
from web.person import person


@get("/search", access="guest")
async def find(request: PageRequest, node: NamedDependency[Node], q: FromQuery[str] = "") -> Response[str]:
    """Show where the words are found; with nothing to look for, the list of conversations."""
    hits = await search(node.store, person(request).user_id, q) if q.strip() else []
    if not wants_fragment(request):
        return page(request, "search.html", query=q, hits=hits, **await sidebar(request, node))
    if not q.strip():
        return page(request, "chat/list.html", **await sidebar(request, node))
    return page(request, "chat/hits.html", query=q, hits=hits)


ROUTES: list[Any] = [find]
