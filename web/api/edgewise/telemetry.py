"""`GET /api/edgewise/telemetry`: how it stands with reports to the broker and with being found in the network."""

import msgspec
from litestar import get
from litestar.di import NamedDependency

from agent.discovery import DiscoveryStatus
from agent.node import Node
from agent.telemetry.payloads import JobStatus
from agent.telemetry.standing import Standing, standing


class TelemetryState(msgspec.Struct, frozen=True):
    """What is reported and announced, and how far the hub's jobs are, by id."""

    reports: Standing
    discovery: DiscoveryStatus
    jobs: dict[str, JobStatus]


@get("/api/edgewise/telemetry", access="key:admin", sync_to_thread=False)
def show_telemetry(node: NamedDependency[Node]) -> TelemetryState:
    """Return how it stands now."""
    reporter = node.telemetry.reporter
    jobs = dict(reporter.jobs()) if reporter else {}
    return TelemetryState(standing(node.telemetry, node.config), node.discovery.status, jobs)


ROUTES = [show_telemetry]
