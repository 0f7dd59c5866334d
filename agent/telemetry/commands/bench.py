"""Measure how fast the model reads and writes."""

import asyncio

from agent.benchmark import Benchmark
from agent.errors import EngineError, EngineUnavailableError
from agent.telemetry.calls import Call, Nothing, Traits
from agent.telemetry.host import Host

TRAITS = Traits(slow=True)
Args = Nothing
_LOOK = 0.1  # seconds


async def run(host: Host, args: Nothing, call: Call) -> Benchmark:  # noqa: ARG001 - as all commands
    """Measure once, while nobody is being answered, and answer when it is done."""
    model, plan = host.model, host.plan
    if model is None or plan is None:
        raise EngineUnavailableError("No model is loaded.")
    host.benchmarks.start(host.names()[0], model, plan.threads)
    while host.benchmarks.running:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(_LOOK)
    if host.benchmarks.trouble or not host.benchmarks.results():
        raise EngineError(host.benchmarks.trouble or "The measurement has brought nothing.")
    return host.benchmarks.results()[0]
