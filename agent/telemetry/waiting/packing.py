"""Samples as they lie in outbox.db: names are kept once, and as many as fit a page are packed together.

A memory card is written by the page, so what counts is how many samples fit one: sixty instead of three.
"""

import functools
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from agent.telemetry.payloads import Item
from agent.telemetry.waiting import columns
from agent.telemetry.waiting.columns import Record
from agent.telemetry.waiting.content import QUALITIES
from agent.telemetry.waiting.database import broken

_FULL = 960  # bytes of a block: with what else is in its row it fits a page, without an overflow
_MOST = 60  # samples of a block: to read one means to read the block


def to_record(row: int, item: Item) -> Record:
    """Return a sample as it is stored, under its id: of merged ones the extremes follow, null where nothing changed."""
    record = [
        row,
        item.ts,
        QUALITIES.index(item.ts_q),
        round(item.mono * 1000),
        round(item.span),
        *item.values.values(),
    ]
    if item.span:
        record += [extremes.get(name) for extremes in (item.low, item.high) for name in item.values]
    return record


def to_item(boot: str, seq: int, record: Record, names: Sequence[str]) -> Item:
    """Return what was stored; times of any quality have their `mono`."""
    _, ts, quality, mono, span, *numbers = record
    values, low, high = (
        zip(names, numbers[start : start + len(names)], strict=False) for start in (0, len(names), 2 * len(names))
    )
    merged: dict[str, Any] = {"span": float(span), "low": _known(low), "high": _known(high)} if span else {}
    return Item(ts=ts, boot=boot, seq=seq, ts_q=QUALITIES[quality], mono=mono / 1000, values=dict(values), **merged)


def fitted(records: Sequence[Record]) -> bytes | None:
    """Return the content of one block; None: that is too much for one."""
    if len(records) > _MOST or len(content := columns.pack(records)) > _FULL:
        return None
    return content


def blocks(records: Sequence[Record]) -> Iterator[tuple[Sequence[Record], bytes]]:
    """Yield the records in as few blocks as are full, with their content."""
    while records:
        part = records[:_MOST]
        while len(content := columns.pack(part)) > _FULL and len(part) > 1:
            part = part[: max(1, min(len(part) - 1, len(part) * _FULL // len(content)))]
        yield part, content
        records = records[len(part) :]


@functools.lru_cache(4)  # a message takes a part of a block, and with each new sample the oldest is looked at
def unpack(content: bytes) -> tuple[Record, ...]:
    """Return the records of a block.

    Raises:
        sqlite3.DatabaseError: it is broken.
    """
    try:
        return tuple(columns.unpack(content))
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise broken(f"a block of samples cannot be read: {error}") from error


def _known(named: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in named if value is not None}
