"""The ledger of what was lost: a hub is told each number that it will never see, and why.

A gap is an event like others, with a number of its own. One that was handed out is never changed, since a hub that has
it already would take the changed one for the same.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agent.telemetry.payloads import Item
from agent.telemetry.waiting.kinds import Key, Loss

_MOST = 512  # gaps; beyond that neighbours become one, which then names more than was lost


@dataclass
class Gaps:
    """The gaps that no hub has acknowledged yet.

    Attributes:
        items: the events that tell of them, oldest first.
        fresh: which of these the disk does not have as they are.
        gone: which ones the disk still has, but need not.
        seen: which ones were handed out.
    """

    items: dict[Key, Item] = field(default_factory=dict)
    fresh: set[Key] = field(default_factory=set)
    gone: set[Key] = field(default_factory=set)
    seen: set[Key] = field(default_factory=set)

    def copy(self) -> "Gaps":
        """Return what can be gone back to when a transaction fails."""
        return Gaps(dict(self.items), set(self.fresh), set(self.gone), set(self.seen))

    def load(self, items: Iterable[Item]) -> None:
        """Take what the disk has from earlier runs, which may have been handed out then."""
        loaded = {(item.boot, item.seq): item for item in items}
        self.items = {**loaded, **self.items}
        self.seen.update(loaded)

    def record(self, loss: Loss, event: Callable[[], Item]) -> None:
        """Write a loss down: as part of a gap that it continues, or in a new one, for which `event` is called."""
        for key, item in self.items.items():
            if key not in self.seen and _continues(item.data, loss):
                self._replace(key, _covering(item.data, loss.first, loss.last))
                return
        item = event()
        key = (item.boot, item.seq)
        self.items[key] = msgspec.structs.replace(item, data=_data(loss))
        self.fresh.add(key)
        if len(self.items) > _MOST:
            self._join()

    def remove(self, key: Key) -> None:
        """Forget a gap that was acknowledged."""
        del self.items[key]
        self.fresh.discard(key)
        self.gone.add(key)

    def unwritten(self) -> bool:
        """Return whether the disk lacks some of it, or has too much."""
        return bool(self.fresh or self.gone)

    def written(self) -> None:
        """Take note that the disk has it all."""
        self.fresh.clear()
        self.gone.clear()

    def _replace(self, key: Key, data: dict[str, Any]) -> None:
        self.items[key] = msgspec.structs.replace(self.items[key], data=data)
        self.fresh.add(key)

    def _join(self) -> None:
        """Make one of two neighbours that nobody has seen."""
        unseen = [key for key in self.items if key not in self.seen]
        for one, other in itertools.pairwise(unseen):
            first, second = self.items[one].data, self.items[other].data
            if first["boot"] == second["boot"]:
                self._replace(one, _covering(first, second["from"], second["to"]))
                self.remove(other)
                return


def _continues(data: Mapping[str, Any], loss: Loss) -> bool:
    if data["boot"] != loss.boot or data["reason"] != loss.reason:
        return False
    adjacent = loss.first <= data["to"] + 1 and loss.last >= data["from"] - 1
    return adjacent or loss.reason == "thinned"


def _data(loss: Loss) -> dict[str, Any]:
    return {"boot": loss.boot, "from": loss.first, "to": loss.last, "reason": loss.reason}


def _covering(data: Mapping[str, Any], first: int, last: int) -> dict[str, Any]:
    return {**data, "from": min(data["from"], first), "to": max(data["to"], last)}
