"""What time it is, on a computer that may not know."""

from pathlib import Path

from agent.known_time import WRITTEN
from agent.telemetry.clock import Clock
from agent.telemetry.kernel_time import KernelTime
from tests.telemetry.fake_time import START, FakeTime


def test_the_time_of_the_network_is_taken_as_it_is() -> None:
    stamp = Clock(None, FakeTime()).now()
    assert (stamp.ts, stamp.quality, stamp.mono) == (round(START * 1000), "ntp", 1000.0)


def test_a_clock_that_nobody_has_set_gives_estimates() -> None:
    assert Clock(None, FakeTime(synced=False)).now().quality == "est"


def test_a_time_before_this_code_was_written_is_not_believed_whatever_the_kernel_says() -> None:
    stamp = Clock(None, FakeTime(time=5.0)).now()
    assert stamp.quality == "est"
    assert stamp.ts >= WRITTEN * 1000


def test_estimates_are_corrected_once_the_time_is_known() -> None:
    time = FakeTime(time=5.0, synced=False)
    clock = Clock(None, time)
    early = clock.now()
    assert clock.correct(early.mono, time.boot) is None
    time.pass_by(60)
    time.time, time.synced = START, True
    clock.now()
    corrected = clock.correct(early.mono, time.boot)
    assert corrected is not None
    assert (corrected.ts, corrected.quality) == (round((START - 60) * 1000), "ntp")


def test_the_hub_can_tell_the_time_and_the_network_knows_better() -> None:
    time = FakeTime(time=5.0, synced=False)
    clock = Clock(None, time)
    clock.anchor(round(START * 1000) - 7000, "hub")
    time.pass_by(1)
    assert (clock.now().ts, clock.now().quality) == (round((START - 6) * 1000), "hub")
    time.time, time.synced = START, True
    assert (clock.now().ts, clock.now().quality) == (round(START * 1000), "ntp")
    clock.anchor(round(START * 1000) + 99_000, "hub")
    assert clock.now().ts == round(START * 1000)


def test_a_hub_that_lives_in_the_past_is_not_believed() -> None:
    clock = Clock(None, FakeTime(time=5.0, synced=False))
    clock.anchor(86_400_000, "hub")
    assert clock.now().quality == "est"


def test_a_clock_that_loses_the_network_goes_on_from_what_it_was_told() -> None:
    time = FakeTime()
    clock = Clock(None, time)
    clock.now()
    time.pass_by(30)
    time.time, time.synced = time.time - 3600, False  # somebody sets it by hand, an hour back
    assert (clock.now().ts, clock.now().quality) == (round((START + 30) * 1000), "ntp")


def test_estimates_do_not_lie_before_the_last_time_that_was_known(tmp_path: Path) -> None:
    time = FakeTime()
    clock = Clock(tmp_path / "clock.json", time)
    clock.now()
    clock.keep()
    time.reboot("kernel-2", off=60, clock=0.0)
    assert Clock(tmp_path / "clock.json", time).now().ts >= round(START * 1000)


def test_estimates_of_an_earlier_start_are_corrected_after_a_restart(tmp_path: Path) -> None:
    time = FakeTime()
    clock = Clock(tmp_path / "clock.json", time)
    clock.now()
    clock.keep()
    time.reboot("kernel-2", off=60)
    corrected = Clock(tmp_path / "clock.json", time).correct(1000.0, "kernel-1")
    assert corrected is not None
    assert corrected.ts == round(START * 1000)


def test_a_clock_that_stays_is_not_written_again_and_again(tmp_path: Path) -> None:
    time = FakeTime()
    clock = Clock(tmp_path / "clock.json", time)
    clock.now()
    clock.keep()
    (tmp_path / "clock.json").unlink()
    for _ in range(60):
        time.pass_by(10)
        time.time += 0.001  # it drifts a little, as clocks do
        clock.now()
        clock.keep()
    assert not (tmp_path / "clock.json").exists()


def test_a_broken_file_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "clock.json").write_bytes(b'{"latest"')
    assert Clock(tmp_path / "clock.json", FakeTime()).now().quality == "ntp"


def test_within_one_start_of_the_computer_ages_need_no_clock() -> None:
    time = FakeTime(time=5.0, synced=False)
    assert Clock(None, time).cutoff(time.boot, 100.0) == 900.0


def test_what_was_made_before_this_start_is_at_least_as_old_as_it() -> None:
    clock = Clock(None, FakeTime(time=5.0, synced=False))
    assert clock.cutoff("kernel-0", 999.0) == float("inf")
    assert clock.cutoff("kernel-0", 1001.0) == float("-inf")


def test_a_jump_into_the_future_makes_nothing_old(tmp_path: Path) -> None:
    time = FakeTime()
    path = tmp_path / "clock.json"
    clock = Clock(path, time)
    clock.now()
    clock.keep()
    time.reboot("kernel-2", off=60)
    clock = Clock(path, time)
    clock.now()
    before = clock.cutoff("kernel-1", 86_400.0)
    time.time += 10 * 365 * 86_400
    clock.now()
    assert clock.cutoff("kernel-1", 86_400.0) == before


def test_the_kernel_can_be_asked() -> None:
    time = KernelTime()
    assert len(time.boot) == 36
    assert time.mono() > 0
    assert time.synchronised() in (True, False)
