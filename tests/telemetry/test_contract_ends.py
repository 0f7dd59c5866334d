"""How a device comes and goes, and what it does without a broker; over the wire, with whole daemons."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.telemetry.observer import eventually, observer
from tests.telemetry.reporting import OWN, Place, end, place, reporting
from tests.web.daemon import daemon

SECONDS_OF_WILL = 30.0


def test_a_device_says_goodbye_is_killed_comes_back_and_tells_what_it_has_lost(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        with reporting(here) as device:
            here.wait_for_news("state")
            end(device)
        before = len(here.statuses())
        assert (set(here.statuses()[:-1]), here.statuses()[-1]) == ({"online"}, "offline")
        assert eventually(lambda: not told_late(here, "state"), 8), "a state is good for three intervals"
        assert told_late(here, "status") == ["offline"]
        assert told_late(here, "birth")
        with reporting(here):
            here.wait_for_news("state")
        with reporting(here):
            here.hub.wait(lambda: len(runs(here)) == 3)
            first, killed, _ = runs(here)
            here.hub.wait(lambda: not unexplained(here, first) | unexplained(here, killed))
        assert set(here.statuses()[before:]) == {"online"}, "who comes back at once was never away"
        assert {boot for boot, _ in here.ledger().lost()} == {killed}, "a farewell loses nothing"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["killed", "cut off"])
def test_a_device_that_stays_away_is_offline_after_half_a_minute(tmp_path: Path, how: str) -> None:
    with place(tmp_path) as here, reporting(here) as device:
        here.wait_for_news()
        began = time.monotonic()
        if how == "killed":
            os.kill(device.process.pid, signal.SIGKILL)
        else:
            here.cable.cut()
        here.hub.wait_for(f"{OWN}/status", "offline", SECONDS_OF_WILL + 10)
        assert time.monotonic() - began > SECONDS_OF_WILL - 2


def test_without_its_broker_a_device_starts_as_fast_and_reports_later_what_happened(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        here.broker.kill()
        began = time.monotonic()
        with reporting(here) as device:
            assert time.monotonic() - began < 5
            assert device.ask("Anybody there?").status_code == 200
            assert eventually((tmp_path / "state" / "outbox.db").exists)
            here.broker.start()
            with observer(here.broker.port) as here.hub:
                here.hub.wait(lambda: any(item.event == "started" for item in here.items("event")), 30)
                here.hub.wait(lambda: here.items("telemetry"), 30)
                (boot,) = runs(here)
                assert unexplained(here, boot) == set()


def test_a_broker_that_never_answers_delays_neither_start_nor_end(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        here.cable.freeze()
        began = time.monotonic()
        with reporting(here) as device:
            assert device.ask("Anybody there?").status_code == 200
            end(device, 5)
        assert time.monotonic() - began < 8


def test_who_reports_to_nobody_pays_nothing_for_it(tmp_path: Path) -> None:
    with daemon(tmp_path / "state") as device:
        assert device.ask("Anybody there?").status_code == 200
        assert not list((tmp_path / "state").glob("outbox*"))
        threads = [task.joinpath("comm").read_text() for task in Path(f"/proc/{device.process.pid}/task").iterdir()]
        assert not [name for name in threads if "mqtt" in name or "outbox" in name]


def test_an_address_that_cannot_be_used_is_said_and_stops_nothing(tmp_path: Path) -> None:
    with daemon(tmp_path / "state", "--mqtt-url", "http://broker") as device:
        assert device.ask("Anybody there?").status_code == 200
        assert "http://broker" in (tmp_path / "state" / "log").read_text()


def runs(here: Place) -> list[str]:
    """Return the runs of the daemon that were heard of, in order."""
    return list(dict.fromkeys(item.boot for item in here.items()))


def unexplained(here: Place, boot: str) -> set[int]:
    """Return the numbers of a run that neither arrived nor are in a gap, up to the last that is known."""
    known = here.ledger().explained().get(boot, {0})
    return set(range(1, max(known) + 1)) - known


def told_late(here: Place, name: str) -> list[str]:
    """Return what somebody is told who comes now."""
    with observer(here.broker.port, f"{OWN}/status", f"{OWN}/birth", f"{OWN}/state") as late:
        late.wait(lambda: f"{OWN}/status" in late.topics())
        time.sleep(0.1)
        return late.payloads(f"{OWN}/{name}")
