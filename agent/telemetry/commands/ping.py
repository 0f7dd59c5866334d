"""Answer, to show that the device is there and follows commands."""

from typing import Annotated

import msgspec
from msgspec import Meta

from agent.telemetry.calls import Call, Traits
from agent.telemetry.host import Host
from agent.telemetry.payloads import Quality

TRAITS = Traits(again=True, fleeting=True, early=True)


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What time it is.

    Attributes:
        time: of the hub, in milliseconds since 1970; a device whose clock nobody has set believes it. 0: not said.
    """

    time: Annotated[int, Meta(ge=0, lt=1 << 53)] = 0


class Pong(msgspec.Struct, frozen=True):
    """The time on the device, where it has it from, and the seconds since the daemon was started."""

    ts: int
    ts_q: Quality
    uptime: float


async def run(host: Host, args: Args, call: Call) -> Pong:
    """Answer, and set the clock of the reports if the hub says the time."""
    if args.time:
        call.reports.clock.anchor(args.time, "hub")
    stamp = call.reports.clock.now()
    return Pong(stamp.ts, stamp.quality, round(host.reading().uptime, 3))
