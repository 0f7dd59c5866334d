"""Items as rows of outbox.db. Names of metrics are kept once, not in each row: a third of the bytes remain."""

from typing import Any

import msgspec

from agent.telemetry.payloads import Item, Quality, Rank

QUALITIES: tuple[Quality, ...] = ("ntp", "hub", "est")
FIELDS: dict[Rank, tuple[str, ...]] = {"event": ("event", "data"), "log": ("level", "text"), "telemetry": ()}

_encoder = msgspec.json.Encoder()
_decode = msgspec.json.Decoder(list[Any]).decode

Row = tuple[int, int, int, int, int, bytes]
"""ts, index of the quality, mono in ms, span in s, shape, content."""


def is_sample(item: Item) -> bool:
    """Return whether an item is telemetry."""
    return not (item.event or item.level or item.text)


def to_row(item: Item, shape: int) -> Row:
    """Return an item as it is stored, without its key."""
    return (item.ts, QUALITIES.index(item.ts_q), round(item.mono * 1000), round(item.span), shape, _content(item))


def to_item(boot: str, seq: int, row: Row, names: list[str]) -> Item:
    """Return what was stored; times of any quality have their `mono`."""
    ts, quality, mono, span, shape, content = row
    common: dict[str, Any] = {
        "ts": ts,
        "boot": boot,
        "seq": seq,
        "ts_q": QUALITIES[quality],
        "mono": mono / 1000,
        **({"span": float(span)} if span else {}),
    }
    parts = _decode(content)
    if shape == 0:
        rank: Rank = "event" if isinstance(parts[1], dict) else "log"
        return Item(**common, **dict(zip(FIELDS[rank], parts, strict=True)))
    if not span:
        return Item(**common, values=dict(zip(names, parts, strict=True)))
    values, changed, low, high = parts  # extremes only of what has changed, by position
    moved = [names[position] for position in changed]
    extremes: dict[str, Any] = {"low": dict(zip(moved, low, strict=True)), "high": dict(zip(moved, high, strict=True))}
    return Item(**common, values=dict(zip(names, values, strict=True)), **extremes)


def _content(item: Item) -> bytes:
    if item.event:
        return _encoder.encode([item.event, item.data])
    if not is_sample(item):
        return _encoder.encode([item.level, item.text])
    values = list(item.values.values())
    if not item.span:
        return _encoder.encode(values)
    changed = [(position, name) for position, name in enumerate(item.values) if name in item.low]
    low, high = ([extremes[name] for _, name in changed] for extremes in (item.low, item.high))
    return _encoder.encode([values, [position for position, _ in changed], low, high])
