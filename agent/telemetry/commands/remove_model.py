"""Delete an installed model."""

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta

from agent import wishes
from agent.errors import EngineUnavailableError
from agent.telemetry.calls import Call, Traits
from agent.telemetry.host import Host

TRAITS = Traits(slow=True)


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which one.

    Attributes:
        model: its full name.
        force: also if it serves; another one takes over.
    """

    model: Annotated[str, Meta(min_length=1, max_length=100)]
    force: bool = False


class Removed(msgspec.Struct, frozen=True):
    """The name of what is gone."""

    model: str


async def run(host: Host, args: Args, call: Call) -> Removed:  # noqa: ARG001 - as all commands
    """Delete it, unless it serves."""
    if args.model in host.names() and not args.force:
        raise EngineUnavailableError(f"{args.model} serves.", hint='Set another one first, or "force": true.')
    return Removed(await asyncio.to_thread(wishes.remove, host.config, host.models, args.model))
