"""Jobs: changes of the device in several steps, which a hub asks for, and which survive a loss of power in each."""

from agent.telemetry.jobs.jobs import Jobs

__all__ = ["Jobs"]
