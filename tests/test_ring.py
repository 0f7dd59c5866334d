"""The latest records in one block of memory, whatever their lengths."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from agent.ring import Ring


@given(
    size=st.integers(8, 200),
    most=st.integers(1, 20),
    records=st.lists(st.binary(max_size=120), max_size=80),
)
def test_the_latest_that_fit_are_there_in_order(size: int, most: int, records: list[bytes]) -> None:
    ring, expected = Ring(size, most), deque[bytes](maxlen=most)
    for record in records:
        ring.append(record)
        if 4 + len(record) <= size:
            expected.append(record)
            while sum(4 + len(each) for each in expected) > size:
                expected.popleft()
        assert list(ring) == list(expected)
        assert len(ring) == len(expected)


def test_a_record_that_is_longer_than_the_block_costs_no_other() -> None:
    ring = Ring(20, 5)
    ring.append(b"before")
    ring.append(b"x" * 17)
    assert list(ring) == [b"before"]
