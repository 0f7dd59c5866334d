"""The way out of safe mode, and into it; both are part of the page of the device."""

from litestar import Response, post
from litestar.di import NamedDependency

from agent.node import Node
from web.page import Form, PageRequest
from web.person import go_to

_PAGE = "/device#safe-mode"


@post("/device/safe-mode/leave", access="admin")
async def leave_safe_mode(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """Try again with everything."""
    node.safety.leave()
    return go_to(request, "/device")


@post("/device/safe-mode/enter", access="admin")
async def enter_safe_mode(request: PageRequest, node: NamedDependency[Node], data: Form) -> Response[str]:
    """Do less from now on, until somebody wants something else."""
    node.safety.mode.enter(1 if data.get("level") == "1" else 2)
    return go_to(request, _PAGE)


ROUTES = [leave_safe_mode, enter_safe_mode]
