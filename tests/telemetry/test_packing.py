"""Samples come out of their blocks as they went in."""

import sqlite3
from contextlib import closing
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agent.telemetry.clock import Clock
from agent.telemetry.payloads import Item, Value
from agent.telemetry.waiting import columns, packing
from agent.telemetry.waiting.kinds import Limits
from agent.telemetry.waiting.ledger import Ledger
from tests.telemetry.bookkeeping import Hub
from tests.telemetry.fake_time import FakeTime

NUMBERS = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, 3)
TENTHS = st.integers(-999, 999).map(lambda tenths: tenths / 10)
FRACTIONS = TENTHS | st.floats(allow_nan=False, allow_infinity=False).map(lambda value: value + 0.0)  # no minus zero
VALUES = NUMBERS | FRACTIONS | st.booleans() | st.none() | st.text(max_size=5)


@st.composite
def _records(draw: st.DrawFn) -> list[list[Value]]:
    count = draw(st.integers(1, 12))
    kinds = draw(st.lists(st.sampled_from([NUMBERS, FRACTIONS, VALUES]), max_size=5))
    whole = [draw(st.lists(kind, min_size=count, max_size=count)) for kind in kinds]
    return [[row, *(column[row] for column in whole)] for row in range(count)]


@given(_records())
def test_records_are_unpacked_as_they_were_to_the_last_bit_and_type(records: list[list[Value]]) -> None:
    assert repr(list(columns.unpack(columns.pack(records)))) == repr(records)


def test_blocks_hold_all_records_in_order_and_fit_a_page() -> None:
    records = [[number, f"{number * 7919 % 1000:03}" * 30] for number in range(300)]
    found = list(packing.blocks(records))
    assert [record for part, _ in found for record in part] == records
    assert all(len(content) < 1000 and packing.unpack(content) == tuple(part) for part, content in found)
    assert 5 <= len(found) <= 60


def test_a_merged_sample_keeps_its_extremes_beside_what_has_not_changed() -> None:
    item = Item(1, "b1", 7, {"a": 1.5, "same": 2, "model": "x"}, span=60.0, low={"a": 1.0}, high={"a": 2.0})
    assert packing.to_item("b1", 7, packing.to_record(7, item), ["a", "same", "model"]) == item


def test_a_block_that_cannot_be_read_has_its_file_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    box = Ledger(path, Limits(free=0), Clock(None, FakeTime()), "b1")
    box.open()
    for number in range(100):
        box.append("telemetry", Clock(None, FakeTime()).now(), values={"a": number})
    box.close()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE telemetry SET content = x'0102'")
    box = Ledger(path, Limits(free=0), Clock(None, FakeTime()), "b2")
    box.open()
    hub = Hub()
    hub.empty(box)
    box.append("event", Clock(None, FakeTime()).now(), event="x")
    hub.empty(box)
    assert "outbox_corrupt" in {item.event for item in hub.items.values()}
    assert hub.lost("corrupt") >= {("b1", number) for number in range(1, 101)}
