"""A gap names what is lost, and nothing else."""

import resource
from pathlib import Path

from agent.telemetry.payloads import Item
from agent.telemetry.waiting.gaps import Gaps
from agent.telemetry.waiting.kinds import DAY, Limits, Loss
from tests.telemetry.bookkeeping import Hub
from tests.telemetry.fake_time import FakeTime
from tests.telemetry.test_outbox_bounds import KIB, ledger, sample


class Numbers:
    """Gives gaps their events."""

    def __init__(self) -> None:
        self.last = 0

    def __call__(self) -> Item:
        self.last += 1
        return Item(ts=0, boot="now", seq=self.last, event="gap")


def spans(gaps: Gaps) -> list[tuple[int, int]]:
    return [(item.data["from"], item.data["to"]) for item in gaps.items.values()]


def test_neighbours_are_one_gap() -> None:
    gaps, numbers = Gaps(), Numbers()
    for first, last in ((1, 5), (6, 6), (9, 9), (7, 8)):
        gaps.record(Loss("b1", first, last, "full"), numbers)
    assert spans(gaps) == [(1, 8), (9, 9)]


def test_what_is_lost_for_another_reason_or_of_another_run_is_another_gap() -> None:
    gaps, numbers = Gaps(), Numbers()
    gaps.record(Loss("b1", 1, 5, "full"), numbers)
    gaps.record(Loss("b1", 6, 6, "age"), numbers)
    gaps.record(Loss("b2", 6, 6, "full"), numbers)
    assert len(spans(gaps)) == 3


def test_a_gap_that_was_handed_out_stays_as_it_is() -> None:
    gaps, numbers = Gaps(), Numbers()
    gaps.record(Loss("b1", 1, 5, "full"), numbers)
    gaps.seen.update(gaps.items)
    gaps.record(Loss("b1", 6, 9, "full"), numbers)
    assert spans(gaps) == [(1, 5), (6, 9)]


def test_there_are_never_too_many_gaps_and_together_they_name_all() -> None:
    gaps, numbers = Gaps(), Numbers()
    for number in range(1, 4000, 2):
        gaps.record(Loss("b1", number, number, "full"), numbers)
    assert len(gaps.items) <= 512
    named = {number for first, last in spans(gaps) for number in range(first, last + 1)}
    assert named >= set(range(1, 4000, 2))


def test_a_gap_that_was_lost_on_the_way_comes_again_as_it_was(tmp_path: Path) -> None:
    time = FakeTime()
    box = ledger(tmp_path, time, Limits(free=0, age=DAY))
    for _ in range(60):
        sample(box, time)
    time.pass_by(2 * DAY)
    box.commit(durable=False)
    first = box.take("event", 60, 5000)
    assert first is not None
    box.close()
    again = ledger(tmp_path, time, Limits(free=0, age=DAY), "b2").take("event", 60, 5000)
    assert again is not None
    assert again.payload == first.payload


def test_what_is_on_its_way_is_not_dropped(tmp_path: Path) -> None:
    time = FakeTime()
    box = ledger(tmp_path, time, Limits(free=0, age=DAY))
    for _ in range(60):
        sample(box, time)
    batch = box.take("telemetry", 10, 50_000)
    assert batch is not None
    time.pass_by(2 * DAY)
    box.commit(durable=False)
    box.done(batch)
    hub = Hub()
    hub.receive(batch)
    hub.empty(box)
    assert hub.lost() == {("b1", number) for number in range(11, 61)}


def test_a_transaction_that_fails_has_lost_nothing(tmp_path: Path) -> None:
    time = FakeTime()
    box = ledger(tmp_path, time, Limits(size=192 * KIB, free=0, age=DAY))
    for _ in range(60):
        sample(box, time)
    time.pass_by(2 * DAY)
    dropped = box.stats.dropped
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        sample(box, time)
        box.commit(durable=True)
        box._refresh()
        assert box.stats.trouble
        assert box.stats.dropped == dropped
        assert not box._gaps.items
        assert box.take("telemetry", 1, 5000) is not None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
