"""Whatever is done to a device and its cable: the hub has all that the device has said, or is told what it lacks."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from agent.telemetry.payloads import Item
from tests.telemetry.reporting import Place, place, reporting
from tests.telemetry.wire import Wire

KILLS = 50
SECONDS = 3.0  # that a device lives, on average
PATIENT = ("--crash-limit", "0")  # it dies too often to be left alone
CHANCE = random.Random(7)  # noqa: S311 - no secret


def torment(cable: Wire, seconds: float) -> None:
    """Do to the cable what cables suffer, for so many seconds."""
    harms: list[Callable[[], None]] = [
        cable.cut,
        cable.reset,
        cable.freeze,
        lambda: cable.swallow_after(CHANCE.randrange(1, 30_000)),
        lambda: cable.drip(CHANCE.uniform(500, 20_000)),
        lambda: cable.delay(CHANCE.uniform(0.01, 0.3)),
    ]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        CHANCE.choice(harms)()
        time.sleep(min(CHANCE.uniform(0, 1.5), max(0.0, end - time.monotonic())))
        if CHANCE.random() < 0.6:
            cable.mend()
            time.sleep(CHANCE.uniform(0, 0.5))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_after_fifty_kills_and_a_bad_cable_the_hub_has_all_or_is_told_what_it_lacks(tmp_path: Path) -> None:
    with place(tmp_path, "max_queued_messages 0") as here:
        for _ in range(KILLS):
            with reporting(here, *PATIENT, ready=False):
                torment(here.cable, CHANCE.uniform(0.2, 2 * SECONDS))
            here.cable.mend()
        with reporting(here, *PATIENT):
            here.wait_for_news("birth", 60)
            here.hub.wait(lambda: here.newest("birth")["boot"] in started(here), 60)
            here.hub.wait(lambda: not lacking(here), 120)
        ledger = here.ledger()
        assert len(runs(here)) > KILLS / 2, "most lived long enough to begin"
        assert set(runs(here)[:-1]) <= {boot for boot, _ in ledger.lost()}, "what died owes an account"
        happened = {key for key, item in ledger.items.items() if item.event}
        assert not happened & ledger.lost(), "an event that is on the disk is never given up"
        assert all(alike(item, ledger.items[item.boot, item.seq]) for item in here.items()), "nor told in two ways"


def runs(here: Place) -> list[str]:
    """Return the runs that were heard of, in order."""
    return list(dict.fromkeys(item.boot for item in here.items()))


def started(here: Place) -> set[str]:
    """Return the runs that have said so."""
    return {item.boot for item in here.items("event") if item.event == "started"}


def alike(one: Item, other: Item) -> bool:
    """Return whether two items are the same, but for the microseconds that the disk does not keep."""
    return msgspec.structs.replace(one, mono=round(one.mono, 3)) == msgspec.structs.replace(
        other, mono=round(other.mono, 3)
    )


def lacking(here: Place) -> set[tuple[str, int]]:
    """Return what neither arrived nor is in a gap."""
    return {
        (boot, seq)
        for boot, known in here.ledger().explained().items()
        for seq in set(range(1, max(known) + 1)) - known
    }
