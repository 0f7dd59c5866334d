"""What is worth an event."""

from dataclasses import replace
from typing import Any

import msgspec

from agent.governor.state import Governed
from agent.state import RestraintState
from agent.telemetry.reading import Reading
from agent.telemetry.watch import Happening, Watch
from tests.telemetry.readings import SAMPLE, full


def seen(*readings: Reading) -> list[Happening]:
    watch = Watch()
    return [event for each in readings for event in watch.look(each)]


def after(before: Reading, **health: Any) -> Reading:  # noqa: ANN401 - fields of Health
    return replace(before, health=msgspec.structs.replace(before.health, **health))


def looked(**values: Any) -> Reading:  # noqa: ANN401 - fields of Sample
    return replace(full(), sample=replace(SAMPLE, **values))


def test_the_first_look_and_one_without_change_are_no_event() -> None:
    assert seen(full(), full()) == []


def test_a_death_of_the_engine_is_one_event_and_its_return_another() -> None:
    served = after(full(), status="ok", model="small", restarts=0)
    died = after(served, status="restarting", restarts=1, detail="The engine died.")
    events = seen(served, died, died, after(died, status="ok", detail=""))
    assert [name for name, _ in events] == ["engine_died", "model_ready"]
    assert events[0][1] == {"restarts": 1, "detail": "The engine died."}


def test_another_model_and_no_model_at_all_are_events() -> None:
    served = after(full(), status="ok", model="small")
    events = seen(served, after(served, model="large"), after(served, status="failed", detail="None runs."))
    assert [name for name, _ in events] == ["model_ready", "engine_failed"]
    assert events[0][1] == {"model": "large"}


def test_throttling_is_told_when_it_begins_and_when_it_ends() -> None:
    cool, hot = looked(throttled=()), looked(throttled=("heat",), celsius=85.0)
    events = seen(cool, hot, hot, cool)
    assert [name for name, _ in events] == ["throttled", "unthrottled"]
    assert events[0][1] == {"because": ["heat"], "celsius": 85.0}


def test_less_power_is_told_with_its_reason_and_so_is_more() -> None:
    free, slow = (replace(full(), governed=governed) for governed in (Governed(), Governed(2, 0.5, 2, "It is hot.")))
    events = seen(free, slow, slow, free)
    assert events == [("slowed_down", {"power": 0.5, "because": "It is hot."}), ("sped_up", {"power": 1.0})]


def test_a_disk_that_is_nearly_full_is_told_once_until_there_is_plenty_again() -> None:
    frees = [2e9, 400e6, 600e6, 400e6, 2e9]
    events = seen(*(looked(disk_free=int(free)) for free in frees))
    assert [name for name, _ in events] == ["disk_low", "disk_enough"]


def test_a_look_that_is_missing_is_no_event() -> None:
    assert seen(looked(throttled=("heat",)), replace(full(), sample=None), looked(throttled=())) == []


def test_what_keeps_the_best_model_from_running_is_told_with_each_new_reason_and_at_its_end() -> None:
    free = full()
    warm, hot = (after(free, restraints=[RestraintState("heat", text, "")]) for text in ("It is warm.", "It is hot."))
    events = seen(free, warm, warm, hot, free, free)
    assert events == [
        ("restrained", {"cause": "heat", "because": "It is warm."}),
        ("restrained", {"cause": "heat", "because": "It is hot."}),
        ("unrestrained", {"cause": "heat"}),
    ]
