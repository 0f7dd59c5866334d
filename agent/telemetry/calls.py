"""One command while it is carried out, and what is said of commands as a kind."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agent.telemetry.host import Host, Reports


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of a command that needs none."""


@dataclass(frozen=True)
class Traits:
    """What is special about a command.

    Attributes:
        slow: it may take more than a moment; one at a time, and `accepted` is said first.
        again: it does no harm when it is carried out once more after the daemon was restarted in the midst of it.
        fleeting: without arguments it changes nothing, and does no harm when it is carried out again after a restart.
        early: it is followed before the device has an owner.
        private: neither its arguments nor its result are kept.
        bare: the argument that a payload is which is no JSON object, as Home Assistant's selects send it.
    """

    slow: bool = False
    again: bool = False
    fleeting: bool = False
    early: bool = False
    private: bool = False
    bare: str = ""


@dataclass(frozen=True)
class Call:
    """A command that is being carried out.

    Attributes:
        name: of the command.
        id: of the request.
        reports: telemetry itself.
        say: sends a message and a result so far.
        recent: tells how often this command was accepted in the last so many seconds, this time included.
    """

    name: str
    id: str
    reports: Reports
    say: Callable[[str, object], Awaitable[None]] = field(repr=False)
    recent: Callable[[float], Awaitable[int]] = field(repr=False)

    async def progress(self, message: str, result: object = None) -> None:
        """Tell whoever has asked how far it is; lost if there is no connection."""
        await self.say(message, result)


@dataclass(frozen=True)
class Kind:
    """A command that the device understands: a module of `agent.telemetry.commands`.

    Attributes:
        name: of the module, and in topics.
        help: one sentence.
        args: a struct; what it does not have is refused.
        result: what `run` returns.
        run: carries it out.
    """

    name: str
    help: str
    args: type[msgspec.Struct]
    result: Any
    run: Callable[[Host, Any, Call], Awaitable[object]]
    traits: Traits
