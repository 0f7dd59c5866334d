"""`edgewise`, which does nothing more once a job is in a certain state: `python -m … STATE run --port 0`.

States pass in milliseconds. This one is written down and told, and then the process can be killed in it.
"""

import asyncio
import sys

from agent.cli import main
from agent.telemetry.jobs import Jobs
from agent.telemetry.jobs.record import Record
from agent.telemetry.payloads import JobState


class Pausing(Jobs):
    """Jobs that stop for good in one state."""

    state = ""

    async def enter(self, record: Record, state: JobState, reason: str = "") -> None:
        """Write the next state down, tell the hub, and perhaps never return."""
        await super().enter(record, state, reason)
        if state == self.state:
            await asyncio.Event().wait()


if __name__ == "__main__":
    Pausing.state = sys.argv.pop(1)
    from agent.telemetry import orders

    vars(orders)["Jobs"] = Pausing
    main()
