"""What Prometheus and its like come for, every few seconds."""

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency

from agent.node import Node
from agent.security.identity import Identity
from agent.telemetry.prometheus import OPEN_METRICS, TEXT, exposition
from web.paths import METRICS

_NAME = OPEN_METRICS.partition(";")[0]


@get(METRICS, access="key:metrics", sync_to_thread=False)
def show_metrics(request: Request[Identity | None, Any, Any], node: NamedDependency[Node]) -> Response[str]:
    """Return all metrics; in the format of OpenMetrics when that is asked for."""
    wanted = _NAME in request.headers.get("accept", "")
    text = exposition(node.reading(), open_metrics=wanted)
    return Response(text, headers={"Content-Type": OPEN_METRICS if wanted else TEXT})
