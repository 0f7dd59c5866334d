"""Readings of a device that does and has everything, and of recorded boards."""

import asyncio
from pathlib import Path

from agent.governor.state import Governed
from agent.hardware.pressure import Pressure, Stall
from agent.inference.frames import Timings
from agent.metrics import Requests
from agent.state import Health
from agent.telemetry.reading import Backlog, Reading, Uplink
from agent.vitals import Sample, Traffic, Vitals

READY = Health("ok", "1.2.3", model="qwen:Q4_K_M", restarts=2)
SAMPLE = Sample(
    celsius=61.24,
    limit=85.0,
    throttled=("under-voltage",),
    throttled_before=(),
    cpu=0.231,
    megahertz=2400.0,
    total=8_000_000_000,
    available=6_188_000_000,
    daemon=80_000_000,
    engine=1_500_000_000,
    active=1,
    waiting=3,
    rate=7.934,
    pressure=Pressure(Stall(0.1, 0.2, 0.0, 0.0), Stall(0.02, 0.01, 0.01, 0.0), Stall(0.3, 0.2, 0.25, 0.1)),
    watts=5.618,
    watts_of="board",
    joules=7200.0,
    joules_per_token=0.7081,
    disk_free=20_111_500_000,
    disk_worn=0.2,
    written=12_345_678,
)


def served() -> Requests:
    """Return what four requests came to."""
    requests = Requests()
    requests.started = 4
    for queued, prefill in ((0.0, 0.912), (0.4, 3.0)):
        requests.answer("stop", Timings(100, 60, 21, queued, prefill, 2.0))
    requests.failed["ContextOverflowError"] += 1
    requests.rejected["queue_full"] += 5
    return requests


def full() -> Reading:
    """Return a reading in which every metric has a value."""
    linked, slowed = Uplink(connected=True, reconnects=2), Governed(1, 0.75, 4, "It is hot.")
    return Reading(READY, served(), 3600.4, SAMPLE, Backlog(12, 34_500, 7.9, 1), linked, governed=slowed)


def recorded(root: Path) -> Reading:
    """Return a reading of a recorded board that has just been started."""
    watching = Vitals(root, lambda: Traffic(0, 0, 0, 0))
    asyncio.run(watching.look())
    return Reading(Health("loading", "1.2.3"), Requests(), watching.uptime(), watching.now())
