"""Start the engine anew with the model that serves."""

import asyncio
from time import monotonic
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.errors import EngineError
from agent.telemetry.calls import Call, Traits
from agent.telemetry.host import Host

TRAITS = Traits(slow=True)
_LOOK = 0.1  # seconds
_PATIENCE = 600.0  # seconds for the model to load


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How gently.

    Attributes:
        patience_s: for so many seconds at most the answers in progress may go on; then they end.
    """

    patience_s: Annotated[float, Meta(ge=0, le=300)] = 10.0


class Restarted(msgspec.Struct, frozen=True):
    """What serves now, and the seconds that it took."""

    model: str
    seconds: float


async def run(host: Host, args: Args, call: Call) -> Restarted:  # noqa: ARG001 - as all commands
    """Restart it, and answer when it serves."""
    begun = monotonic()
    await host.restart_engine(args.patience_s)
    while not host.names():
        await asyncio.sleep(_LOOK)
        health = host.health()
        if health.status == "failed" or monotonic() - begun > _PATIENCE:
            raise EngineError(health.detail or "The engine does not come up again.", hint=health.hint)
    return Restarted(host.names()[0], round(monotonic() - begun, 3))
