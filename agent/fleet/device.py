"""One device as a hub sees it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import msgspec

from agent.fleet.facts import Birth, Gap, Item, Values
from agent.fleet.ledger import Ledger

Condition: TypeAlias = Literal["online", "silent", "offline", "unknown"]
_SILENT = 3  # intervals without a report, after which a device that should be online is silent
_LEAST = 30.0  # seconds
_USUAL = 10.0  # seconds between reports, where the device has not said


@dataclass(frozen=True)
class News:
    """Something about a device that is worth a line."""

    device: str
    what: str


@dataclass
class Device:
    """What is known of it.

    Attributes:
        id: in topics.
        status: as it says itself, or its Will; empty: never heard.
        seen: when it was last heard, milliseconds since 1970; 0: never.
        birth: who it is.
        values: the newest, by metric.
        ledger: books on its history.
    """

    id: str
    status: str = ""
    seen: int = 0
    birth: Birth = field(default_factory=Birth)
    values: dict[str, Any] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    _as_of: int = 0

    @property
    def name(self) -> str:
        """What people call it, else its id."""
        return self.birth.name or self.id

    def condition(self, now: int) -> Condition:
        """Return how it is, at a time in milliseconds since 1970."""
        if self.status != "online":
            return "offline" if self.status == "offline" else "unknown"
        patience = max(_LEAST, _SILENT * (self.birth.interval or _USUAL))
        return "silent" if self.seen and now - self.seen > patience * 1000 else "online"

    def hear(self, what: str, payload: bytes) -> Iterator[News]:
        """Take note of a message.

        Raises:
            msgspec.MsgspecError: it is not what its topic promises.
        """
        if what == "status":
            yield from self._say(payload.decode(errors="replace"))
        elif what == "birth":
            self.birth = msgspec.json.decode(payload, type=Birth)
        elif what == "state":
            self._update(msgspec.json.decode(payload, type=Values))
        else:
            yield from self._history(msgspec.json.decode(payload, type=list[Item]))

    def _say(self, status: str) -> Iterator[News]:
        if status != self.status:
            self.status = status
            yield News(self.id, status)

    def _update(self, newer: Values) -> None:
        if newer.ts >= self._as_of:
            self._as_of = newer.ts
            self.values.update(newer.values)

    def _history(self, items: list[Item]) -> Iterator[News]:
        for item in items:
            if self.ledger.receive(item.boot, item.seq):
                yield from self._take(item)

    def _take(self, item: Item) -> Iterator[News]:
        if item.event == "gap":
            gap = msgspec.convert(item.data, Gap)
            self.ledger.lose(gap.boot, gap.first, gap.last, gap.reason)
            yield News(self.id, f"gap: {gap.boot} {gap.first}-{gap.last} ({gap.reason})")
        elif item.event:
            yield News(self.id, f"{item.event} {msgspec.json.encode(item.data).decode()}")
        elif item.text:
            yield News(self.id, f"{item.level}: {item.text}")
        else:
            self._update(Values(item.ts, item.values))
