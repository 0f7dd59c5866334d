"""`/api/edgewise/safe-mode`: whether the device does less than it could because it has crashed; enter it, leave it."""

from typing import Literal

import msgspec
from litestar import delete, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from agent.node import Node
from agent.state import SafeModeState

_PATH = "/api/edgewise/safe-mode"


class SafeModeReply(msgspec.Struct, frozen=True):
    """Whether the device is in safe mode, and all about that; None: it is not."""

    safe_mode: SafeModeState | None


class SafeModeWish(msgspec.Struct, frozen=True):
    """The level that is wanted: 1: the smallest model alone; 2: none, and nothing that the pages can do without."""

    level: Literal[1, 2] = 2


@get(_PATH, access="key:admin", sync_to_thread=False)
def show_safe_mode(node: NamedDependency[Node]) -> SafeModeReply:
    """Return whether the device is in safe mode, and why."""
    return SafeModeReply(node.safety.mode.state())


@put(_PATH, access="key:admin")
async def enter_safe_mode(node: NamedDependency[Node], data: JSONBody[SafeModeWish]) -> SafeModeReply:
    """Enter safe mode, until somebody ends it."""
    node.safety.mode.enter(data.level)
    return SafeModeReply(node.safety.mode.state())


@delete(_PATH, access="key:admin", status_code=200)
async def leave_safe_mode(node: NamedDependency[Node]) -> SafeModeReply:
    """End safe mode, and let every model run again that the engine has died with."""
    node.safety.leave()
    return SafeModeReply(node.safety.mode.state())


ROUTES = [show_safe_mode, enter_safe_mode, leave_safe_mode]
