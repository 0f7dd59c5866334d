"""A hub's view of an outbox: what arrived, what was reported lost, and whether that is all."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agent.telemetry.payloads import Item
from agent.telemetry.waiting.kinds import Batch
from agent.telemetry.waiting.ledger import RANKS, Ledger


@dataclass
class Hub:
    """Receives batches and drops what it has already."""

    items: dict[tuple[str, int], Item] = field(default_factory=dict)
    gaps: list[dict[str, Any]] = field(default_factory=list)

    def receive(self, batch: Batch) -> None:
        for item in msgspec.json.decode(batch.payload, type=list[Item]):
            self.take(item)

    def take(self, item: Item) -> None:
        if (item.boot, item.seq) not in self.items and item.event == "gap":
            self.gaps.append(item.data)
        self.items.setdefault((item.boot, item.seq), item)

    def empty(self, ledger: Ledger) -> None:
        """Take all that waits."""
        for rank in RANKS:
            while batch := ledger.take(rank, 60, 5000):
                self.receive(batch)
                ledger.done(batch)

    def explained(self) -> dict[str, set[int]]:
        """Return the numbers that arrived or are in a gap, by run."""
        found: dict[str, set[int]] = defaultdict(set)
        for boot, seq in self.items:
            found[boot].add(seq)
        for gap in self.gaps:
            found[gap["boot"]].update(range(gap["from"], gap["to"] + 1))
        return found

    def lost(self, *reasons: str) -> set[tuple[str, int]]:
        """Return what is in gaps with one of these reasons; none: in any."""
        return {
            (gap["boot"], seq)
            for gap in self.gaps
            if gap["reason"] in reasons or not reasons
            for seq in range(gap["from"], gap["to"] + 1)
        }
