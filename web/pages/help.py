"""The sheet of keyboard shortcuts."""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from agent.node import Node
from web.chat.sidebar import sidebar
from web.page import PageRequest, page, wants_fragment


@get("/help", access="guest")
async def show_help(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """Show the shortcuts: in a dialog, or as a page."""
    if wants_fragment(request):
        return page(request, "chat/shortcuts.html", dialog=True)
    return page(request, "help.html", dialog=False, **await sidebar(request, node))


ROUTES: list[Any] = [show_help]
