"""What becomes of history when the power, the process or the disk fails."""

import random
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.telemetry.clock import Clock
from agent.telemetry.waiting.database import PAGE
from agent.telemetry.waiting.kinds import Limits
from agent.telemetry.waiting.ledger import Ledger
from tests.telemetry.bookkeeping import Hub
from tests.telemetry.fake_time import FakeTime

ROOT = Path(__file__).parents[2]

# Appends, delivers and gives back until it is killed. A number is written down here when the outbox has taken it, and
# what a hub would have got before the outbox hears of it.
_DEVICE = """
import os, random, sys
from pathlib import Path
from agent.telemetry.clock import Clock
from agent.telemetry.waiting.kinds import Limits
from agent.telemetry.waiting.ledger import Ledger
folder, boot = Path(sys.argv[1]), sys.argv[2]
made, got = (os.open(folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT) for name in ("made", "got"))
chance = random.Random(boot)
clock = Clock(folder / "clock.json")
box = Ledger(folder / "outbox.db", Limits(free=0, flush_rows=20), clock, boot)
box.open()
os.write(1, b"ready")
while True:
    rank = chance.choice(["event", "telemetry", "telemetry", "telemetry", "log"])
    kinds = {"event": {"event": "x"}, "telemetry": {"values": {"a": 1.5}}, "log": {"level": "error", "text": "t"}}
    seq = box.append(rank, clock.now(), **kinds[rank])
    os.write(made, f"{boot} {seq} {rank}\\n".encode())
    if chance.random() < 0.3:
        for rank in ("event", "telemetry", "log"):
            if batch := box.take(rank, 30, 5000):
                if chance.random() < 0.3:
                    box.give_back(batch)
                    continue
                for item in batch.items:
                    gap = item.data if item.event == "gap" else {}
                    line = f"{item.boot} {item.seq} {gap.get('boot', '-')} {gap.get('from', 0)} {gap.get('to', 0)}"
                    os.write(got, line.encode() + b"\\n")
                box.done(batch)
"""


def opened(path: Path, boot: str, limits: Limits | None = None) -> Ledger:
    box = Ledger(path, limits or Limits(free=0), Clock(None, FakeTime()), boot)
    box.open()
    return box


def event(box: Ledger, name: str = "x") -> int:
    return box.append("event", Clock(None, FakeTime()).now(), event=name)


def sample(box: Ledger, value: float = 1.0) -> int:
    return box.append("telemetry", Clock(None, FakeTime()).now(), values={"a": value})


def killed(folder: Path, boot: str, seconds: float) -> None:
    """Run a device, and kill it after some time."""
    with subprocess.Popen([sys.executable, "-c", _DEVICE, folder, boot], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(5) == b"ready"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.send_signal(signal.SIGKILL)


def check_books(folder: Path, rounds: int) -> None:
    """Compare what the devices made with what the hub has: all of it, or what is missing is in a gap."""
    box = opened(folder / "outbox.db", "last")
    hub = Hub()
    hub.empty(box)
    arrived = set(hub.items)
    gaps = hub.lost()
    for line in (folder / "got").read_text().splitlines():
        boot, seq, lost, first, last = line.split()
        arrived.add((boot, int(seq)))
        gaps.update((lost, number) for number in range(int(first), int(last) + 1) if lost != "-")
    made = {(boot, int(seq)): rank for boot, seq, rank in map(str.split, (folder / "made").read_text().splitlines())}
    missing = made.keys() - arrived
    assert len({boot for boot, _ in made}) == rounds
    assert missing <= gaps
    assert not [key for key in missing if made[key] == "event"]
    assert len(missing) <= rounds * 20  # no more than waits in memory
    for boot in {boot for boot, _ in made}:
        numbers = {seq for run, seq in arrived | gaps if run == boot}
        assert numbers >= set(range(1, max(numbers) + 1))


def test_after_kill_9_the_hub_has_all_or_knows_what_it_lacks(tmp_path: Path) -> None:
    chance = random.Random(1)  # noqa: S311 - no secret
    for number in range(4):
        killed(tmp_path, f"run-{number}", chance.uniform(0.01, 0.3))
    check_books(tmp_path, 4)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_after_fifty_times_kill_9_the_hub_has_all_or_knows_what_it_lacks(tmp_path: Path) -> None:
    chance = random.Random(2)  # noqa: S311 - no secret
    for number in range(50):
        killed(tmp_path, f"run-{number}", chance.uniform(0.005, 0.5))
    check_books(tmp_path, 50)


def torn(source: Path, target: Path, cut: int, *, garbage: bool) -> None:
    """Copy an outbox whose write-ahead log ends early, as after a power cut, or in garbage."""
    target.mkdir()
    shutil.copy(source / "outbox.db", target)
    log = (source / "outbox.db-wal").read_bytes()
    tail = random.Random(cut).randbytes(len(log) - cut) if garbage else b""  # noqa: S311 - no secret
    (target / "outbox.db-wal").write_bytes(log[:cut] + tail)


@pytest.mark.parametrize("garbage", [False, True])
def test_a_torn_log_costs_only_its_end(tmp_path: Path, garbage: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    box = opened(tmp_path / "outbox.db", "b1")
    numbers = [event(box) if number % 3 else sample(box) for number in range(60)]
    length = (tmp_path / "outbox.db-wal").stat().st_size
    counts = []
    for step in range(40):
        folder = tmp_path / str(step)
        torn(tmp_path, folder, length * step // 39, garbage=garbage)
        again = opened(folder / "outbox.db", "b2")
        hub = Hub()
        hub.empty(again)
        again.close()
        found = sorted(seq for boot, seq in hub.items if boot == "b1")
        assert found == numbers[: len(found)]
        assert not [item for item in hub.items.values() if item.event == "outbox_corrupt"]
        assert not found or hub.explained()["b1"] >= set(numbers)
        counts.append(len(found))
    assert counts[-1] == len(numbers)
    assert len(set(counts)) > 20


def test_a_broken_file_is_set_aside_and_told_of(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    for round_ in range(4):
        path.write_bytes(b"this is no database " * 1000)
        box = opened(path, f"b{round_}")
        hub = Hub()
        hub.empty(box)
        box.close()
        assert [item.event for item in hub.items.values()] == ["outbox_corrupt"]
    assert len(list(tmp_path.glob("outbox.corrupt-*"))) <= 2


def test_of_a_file_that_breaks_the_numbers_that_were_in_it_are_told(tmp_path: Path) -> None:
    box = opened(tmp_path / "outbox.db", "b1")
    chance = random.Random(1)  # noqa: S311 - no secret
    for _ in range(5000):
        sample(box, chance.random())
    box.close()
    data = bytearray((tmp_path / "outbox.db").read_bytes())
    for page in range(12, len(data) // PAGE):
        data[page * PAGE : page * PAGE + 200] = b"\xa5" * 200
    (tmp_path / "outbox.db").write_bytes(data)
    box = opened(tmp_path / "outbox.db", "b2")
    hub = Hub()
    hub.empty(box)
    assert "outbox_corrupt" in {item.event for item in hub.items.values()}
    assert hub.lost("corrupt") == {("b1", number) for number in range(1, 5001)}


def test_a_file_that_breaks_while_it_is_open_is_replaced(tmp_path: Path) -> None:
    box = opened(tmp_path / "outbox.db", "b1")
    for _ in range(300):
        sample(box)
    assert box._file is not None
    box._file._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    size = (tmp_path / "outbox.db").stat().st_size
    with (tmp_path / "outbox.db").open("r+b") as file:
        file.write(b"\xa5" * size)
    box._file._db.execute("PRAGMA shrink_memory")
    for _ in range(70):
        sample(box)
    event(box)
    hub = Hub()
    hub.empty(box)
    assert "outbox_corrupt" in {item.event for item in hub.items.values()}
    assert hub.explained()["b1"] == set(range(1, box._last + 1))
    box.close()


def test_a_full_disk_fills_memory_to_a_bound_and_then_drops_and_tells(tmp_path: Path) -> None:
    box = opened(tmp_path / "outbox.db", "b1", Limits(free=0, memory=100_000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        first = event(box)
        trouble = box.stats.trouble
        for number in range(3000):
            sample(box, number)
        assert box._memory.size <= 100_000
        assert box.stats.dropped > 1000
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "outbox.db cannot be used" in trouble
    box.close()  # there is room again
    again = opened(tmp_path / "outbox.db", "b2")
    hub = Hub()
    hub.empty(again)
    assert ("b1", first) in hub.items
    assert hub.lost("disk")
    assert not hub.lost("disk") & hub.items.keys()
    assert hub.explained()["b1"] == set(range(1, box._last + 1))


def test_a_disk_that_recovers_is_used_again(tmp_path: Path) -> None:
    time = FakeTime()
    box = Ledger(tmp_path / "outbox.db", Limits(free=0), Clock(None, time), "b1")
    box.open()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        event(box)
        assert box.stats.trouble
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    time.pass_by(30)
    event(box)
    assert not box.stats.trouble
    assert len(box._memory) == 0


def test_without_a_folder_everything_goes_on_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    box = opened(tmp_path / "file" / "outbox.db", "b1")
    event(box)
    sample(box)
    hub = Hub()
    hub.empty(box)
    assert set(hub.items) == {("b1", 1), ("b1", 2)}
    assert box.stats.trouble
    box.close()


def test_a_file_of_a_later_version_is_left_alone_as_a_broken_one(tmp_path: Path) -> None:
    box = opened(tmp_path / "outbox.db", "b1")
    assert box._file is not None
    box._file._db.execute("PRAGMA user_version=9")
    box.close()
    assert event(opened(tmp_path / "outbox.db", "b2")) > 0
    assert len(list(tmp_path.glob("outbox.corrupt-*"))) == 1
