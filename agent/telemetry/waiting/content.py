"""Events and lines of the log as rows of outbox.db."""

from typing import Any

import msgspec

from agent.telemetry.payloads import Item, Quality, Rank

QUALITIES: tuple[Quality, ...] = ("ntp", "hub", "est")
_FIELDS: dict[Rank, tuple[str, ...]] = {"event": ("event", "data"), "log": ("level", "text")}

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Any]).decode

Row = tuple[int, int, int, bytes]
"""ts, index of the quality, mono in ms, content."""


def to_row(item: Item) -> Row:
    """Return an item as it is stored, without its key."""
    parts = [item.event, item.data] if item.event else [item.level, item.text]
    return (item.ts, QUALITIES.index(item.ts_q), round(item.mono * 1000), _encode(parts))


def to_item(boot: str, seq: int, row: Row) -> Item:
    """Return what was stored; times of any quality have their `mono`."""
    ts, quality, mono, content = row
    parts = _decode(content)
    rank: Rank = "event" if isinstance(parts[1], dict) else "log"
    fields: dict[str, Any] = dict(zip(_FIELDS[rank], parts, strict=True))
    return Item(ts=ts, boot=boot, seq=seq, ts_q=QUALITIES[quality], mono=mono / 1000, **fields)
