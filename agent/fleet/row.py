"""A device in one line of a list, for people and for programs."""

from typing import Any

import msgspec

from agent.fleet.device import Condition, Device
from agent.fleet.ledger import Hole

_HOLES = 20  # that are named


class Row(msgspec.Struct, frozen=True):
    """What matters most of a device; None and empty texts: not known.

    Attributes:
        engine: what it does; `ready` when it can answer.
        throttled: its processor is held back by heat or by a weak power supply.
        queue: requests that wait for a place.
        waiting: reports that wait at the device for the broker.
        received: items of history that have come.
        lost: items that the device has reported lost.
        doubtful: items more that it may have lost, in power cuts and the like; at most.
        missing: items that have neither come nor were reported lost.
        holes: which these are, the first of them.
        seen: when it was last heard, milliseconds since 1970; 0: never.
    """

    id: str
    name: str
    site: str
    groups: list[str]
    status: Condition
    agent: str
    engine: str
    model: str
    tok_s: float | None
    temperature: float | None
    throttled: bool
    queue: float | None
    waiting: float | None
    received: int
    lost: int
    doubtful: int
    missing: int
    holes: list[Hole]
    seen: int
    ui: str

    @property
    def troubled(self) -> bool:
        """Whether somebody should look at it."""
        ready = self.engine in {"ready", ""}
        return self.status != "online" or not ready or self.throttled or self.lost > 0


def row(device: Device, now: int) -> Row:
    """Return a device as it is at a time in milliseconds since 1970."""
    values, birth, holes = device.values, device.birth, list(device.ledger.holes())
    return Row(
        id=device.id,
        name=device.name,
        site=birth.site,
        groups=birth.groups,
        status=device.condition(now),
        agent=birth.agent,
        engine=_text(values.get("engine")),
        model=_text(values.get("model")) or birth.engine.model,
        tok_s=_number(values.get("tok_s")),
        temperature=_number(values.get("soc_temp_c")),
        throttled=bool(values.get("throttled")),
        queue=_number(values.get("queue_depth")),
        waiting=_number(values.get("outbox_rows")),
        received=device.ledger.received(),
        lost=device.ledger.lost(),
        doubtful=device.ledger.doubtful(),
        missing=sum(hole.last - hole.first + 1 for hole in holes),
        holes=holes[:_HOLES],
        seen=device.seen,
        ui=birth.ui,
    )


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:  # noqa: ANN401 - JSON
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
