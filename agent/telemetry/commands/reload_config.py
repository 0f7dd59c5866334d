"""Read the configuration file again, and follow what can change while the daemon runs."""

from agent.reloading import Reloaded
from agent.telemetry.calls import Call, Nothing, Traits
from agent.telemetry.host import Host

TRAITS = Traits(again=True)
Args = Nothing


async def run(host: Host, args: Nothing, call: Call) -> Reloaded:  # noqa: ARG001 - as all commands
    """Tell which settings have changed, and which wait for a restart."""
    return await host.reload_config()
