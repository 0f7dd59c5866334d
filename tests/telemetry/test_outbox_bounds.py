"""The outbox keeps to its bounds, and tells what that has cost."""

import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.telemetry.clock import Clock
from agent.telemetry.waiting.kinds import DAY, MIB, Batch, Limits
from agent.telemetry.waiting.ledger import RANKS, Ledger
from tests.telemetry.bookkeeping import Hub
from tests.telemetry.fake_time import FakeTime

KIB = 1024
SAMPLE = {f"metric_{number}": number * 1.5 for number in range(20)} | {"model": "tiny"}


def ledger(
    path: Path, time: FakeTime, limits: Limits, boot: str = "b1", free: Callable[[], int] | None = None
) -> Ledger:
    opened = Ledger(path / "outbox.db", limits, Clock(path / "clock.json", time), boot, free)
    opened.open()
    return opened


def sample(box: Ledger, time: FakeTime, **values: object) -> int:
    return box.append("telemetry", Clock(None, time).now(), values={**SAMPLE, **values})


def noise(count: int, size: int) -> Iterator[str]:
    """Yield texts of so many bytes that cannot be packed into fewer than half of them."""
    chance = random.Random(1)  # noqa: S311 - no secret
    return (chance.randbytes(size // 2).hex() for _ in range(count))


def on_disk(path: Path) -> int:
    return sum(file.stat().st_size for file in path.glob("outbox.db*") if not file.name.endswith("-shm"))


def test_samples_of_an_hour_ago_are_thinned_before_anything_is_dropped(tmp_path: Path) -> None:
    time = FakeTime()
    box = ledger(tmp_path, time, Limits(size=512 * KIB, free=0, flush_rows=60))
    for number, text in enumerate(noise(9000, 100)):  # about a day, more than fits
        sample(box, time, count=number, engine="ready" if number % 6 else "loading", text=text)
        time.pass_by(10)
    hub = Hub()
    hub.empty(box)
    assert box.stats.dropped == 0
    merged = [item for item in hub.items.values() if item.span]
    raw = [item for item in hub.items.values() if item.values and not item.span]
    assert len(merged) > 100
    assert len(raw) >= 360
    assert {item.span for item in merged} <= {60.0, 50.0, 40.0, 30.0, 20.0}
    one = merged[5]
    assert one.low["count"] < one.values["count"] < one.high["count"]  # type: ignore[operator]
    assert one.high["count"] == one.seq - 1
    assert one.values["engine"] in ("ready", "loading")
    assert set(one.low) == {"count"}
    assert hub.lost() == hub.lost("thinned")
    assert len(hub.gaps) == 1
    assert hub.explained()["b1"] == set(range(1, box._last + 1))


def test_then_the_oldest_of_the_lowest_kind_goes(tmp_path: Path) -> None:
    time = FakeTime()
    box = ledger(tmp_path, time, Limits(size=256 * KIB, free=0))
    now = Clock(None, time).now
    first_event = box.append("event", now(), event="boot")
    lines = [box.append("log", now(), level="error", text="x" * 500) for _ in range(300)]
    samples = [sample(box, time) for _ in range(300)]
    hub = Hub()
    hub.empty(box)
    assert ("b1", first_event) in hub.items
    lost = {seq for _, seq in hub.lost("full")}
    assert set(lines) & lost == set(lines) - {seq for _, seq in hub.items}
    assert len(lost) == box.stats.dropped > 0
    assert not lost & set(samples) or set(lines) <= lost
    remaining = [seq for seq in lines if seq not in lost]
    assert remaining == lines[len(lines) - len(remaining) :]


def test_log_lines_have_a_bound_of_their_own(tmp_path: Path) -> None:
    time = FakeTime()
    box = ledger(tmp_path, time, Limits(free=0, logs=20 * KIB))
    for _ in range(600):
        box.append("log", Clock(None, time).now(), level="error", text="x" * 200)
    hub = Hub()
    hub.empty(box)
    assert 60 < len([item for item in hub.items.values() if item.text]) < 180


def test_what_is_too_old_goes_even_if_there_is_room(tmp_path: Path) -> None:
    time = FakeTime()
    box = ledger(tmp_path, time, Limits(free=0, age=DAY))
    for _ in range(48):
        for _ in range(60):
            sample(box, time)
        time.pass_by(3600)
    hub = Hub()
    hub.empty(box)
    assert 24 * 60 <= len([item for item in hub.items.values() if item.values]) <= 25 * 60
    assert len(hub.lost("age")) == box.stats.dropped
    assert hub.explained()["b1"] == set(range(1, box._last + 1))


def test_a_jump_into_the_future_drops_nothing(tmp_path: Path) -> None:
    time = FakeTime()
    box = ledger(tmp_path, time, Limits(free=0, age=DAY))
    for _ in range(120):
        sample(box, time)
    box.close()
    time.reboot("kernel-2", off=60)
    box = ledger(tmp_path, time, Limits(free=0, age=DAY), "b2")
    sample(box, time)
    time.time += 400 * DAY
    for _ in range(60):
        sample(box, time)
    hub = Hub()
    hub.empty(box)
    assert len(hub.items) == 181
    assert box.stats.dropped == 0


def test_clocks_that_go_wrong_lose_nothing_and_keep_the_order(tmp_path: Path) -> None:
    time = FakeTime(time=0.0, synced=False)
    box = ledger(tmp_path, time, Limits(free=0))
    for step in (0.0, 1_795_300_000.0, -3600.0, 7200.0):  # 1970, then now, an hour back, an hour too far
        time.time += step
        time.synced = step > 0 or time.synced
        for _ in range(70):
            sample(box, time)
            time.pass_by(10)
    batch = box.take("telemetry", 1000, MIB)
    assert batch is not None
    assert [item.seq for item in batch.items] == list(range(1, 281))


@pytest.mark.slow
def test_the_disk_is_left_some_room(tmp_path: Path) -> None:
    time = FakeTime()
    used_by_others = 0

    def free() -> int:
        return 10 * MIB - used_by_others - on_disk(tmp_path)

    box = ledger(tmp_path, time, Limits(size=64 * MIB, free=5 * MIB), free=free)
    for text in noise(1500, 2400):
        sample(box, time, text=text)
    assert on_disk(tmp_path) > 1.5 * MIB
    used_by_others = 4 * MIB
    for _ in range(60):
        sample(box, time)
    assert box.stats.bytes < 1.05 * MIB
    hub = Hub()
    hub.empty(box)
    assert hub.lost("disk")
    assert hub.explained()["b1"] == set(range(1, box._last + 1))


def test_a_drained_outbox_gives_its_room_back(tmp_path: Path) -> None:
    time = FakeTime()
    box = ledger(tmp_path, time, Limits(free=0))
    for text in noise(6000, 100):
        sample(box, time, text=text)
    full = on_disk(tmp_path)
    Hub().empty(box)
    box.tick()
    box.close()
    assert on_disk(tmp_path) < full / 10


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["sample", "event", "log", "take", "done", "back", "tick", "wait", "restart", "crash"]),
            st.integers(1, 90),
        ),
        min_size=5,
        max_size=60,
    ),
    kib=st.integers(192, 400),
)
def test_whatever_happens_the_bounds_hold_and_every_number_is_explained(steps: list[tuple[str, int]], kib: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _Story(
            Path(folder), Limits(size=kib * KIB, age=DAY, free=0, flush_rows=20, memory=kib * KIB // 8, logs=30 * KIB)
        ).play(steps)


class _Story:
    """What happens to an outbox, and what must be so at any time."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path, self.limits, self.time, self.hub = path, limits, FakeTime(), Hub()
        self.last: dict[str, int] = {}
        self.runs = 0
        self.crashed = False
        self.begin()

    def begin(self) -> None:
        self.runs += 1
        self.boot = f"run-{self.runs}"
        self.box = ledger(self.path, self.time, self.limits, self.boot)
        self.taken: list[Batch] = []

    def play(self, steps: list[tuple[str, int]]) -> None:
        for what, count in steps:
            getattr(self, what)(count)
            self.last[self.boot] = self.box._last
            assert on_disk(self.path) <= self.limits.size
        self.restart(0)
        self.hub.empty(self.box)
        self.last[self.boot] = self.box._last
        explained = self.hub.explained()
        for boot, last in self.last.items():
            assert set(range(1, last + 1)) <= explained[boot]
        both = self.hub.lost("full", "age", "disk") & self.hub.items.keys()
        assert not both or self.crashed  # after a crash the disk may have what was delivered already

    def sample(self, count: int) -> None:
        for _ in range(count):
            sample(self.box, self.time)
            self.time.pass_by(10)

    def event(self, count: int) -> None:
        for _ in range(count % 5):
            self.box.append("event", Clock(None, self.time).now(), event="x", data={"text": "y" * count * 10})

    def log(self, count: int) -> None:
        for _ in range(count):
            self.box.append("log", Clock(None, self.time).now(), level="error", text="z" * count)

    def take(self, count: int) -> None:
        for rank in RANKS:
            if batch := self.box.take(rank, count, 5000):
                self.taken.append(batch)

    def done(self, count: int) -> None:
        for _ in range(min(count, len(self.taken))):
            batch = self.taken.pop(0)
            self.hub.receive(batch)
            self.box.done(batch)

    def back(self, count: int) -> None:
        for _ in range(min(count, len(self.taken))):
            self.box.give_back(self.taken.pop())

    def tick(self, _: int) -> None:
        self.box.tick()

    def wait(self, count: int) -> None:
        self.time.pass_by(count * 600)

    def restart(self, _: int) -> None:
        self.box.close()
        self.begin()

    def crash(self, _: int) -> None:
        assert self.box._file is not None
        self.crashed = True
        self.box._file.close()  # nothing in memory is written
        self.begin()
