"""What the page of the device shows of storage: room, copies of app.db, wear, and what was lost."""

import time
from typing import Any

from agent.node import Node
from agent.upkeep.quota import next_to_go
from agent.upkeep.report import look
from web.ago import ago
from web.page import PageRequest, translator


def storage(request: PageRequest, node: Node) -> dict[str, Any]:
    """Return the values for the template `device/storage.html`. Blocks for a moment."""
    t, now = translator(request), time.time()
    report = look(node.config, wear=node.upkeep.wear)
    recovered = node.upkeep.recovered
    return {
        "storage": report,
        "next_to_go": next_to_go(node.upkeep.clearing.models()),
        "newest_copy": ago(t, report.backups[0], now) if report.backups else "",
        "recovered": recovered,
        "recovered_at": ago(t, recovered.at, now) if recovered else "",
        "recovered_of": ago(t, recovered.of, now) if recovered and recovered.of else "",
    }
