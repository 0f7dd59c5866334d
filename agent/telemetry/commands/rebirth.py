"""Publish again who the device is and how it does."""

from agent.telemetry.calls import Call, Nothing, Traits
from agent.telemetry.host import Host

TRAITS = Traits(again=True, fleeting=True, early=True)
Args = Nothing


async def run(host: Host, args: Nothing, call: Call) -> None:  # noqa: ARG001 - as all commands
    """Publish."""
    await call.reports.rebirth()
