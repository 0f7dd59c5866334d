"""What a hub makes of messages."""

from typing import Any

import msgspec

from agent.fleet.device import Device
from agent.fleet.fleet import Fleet
from agent.telemetry.message import Incoming
from agent.telemetry.payloads import Birth, EngineFacts, Hardware, Item, State

NOW = 1_795_289_900_000
BIRTH = Birth(
    ts=NOW - 5000,
    ts_q="ntp",
    boot="b1",
    id="pi-kitchen",
    name="Kitchen",
    site="home",
    groups=["pilot"],
    agent="0.4.0",
    hw=Hardware("raspberry-pi-5", "Raspberry Pi 5", 8062, []),
    engine=EngineFacts("llama_cpp", "qwen", "Q4_K_M", "", 4096),
    ui="",
    cmds=["ping"],
    metrics={},
    interval=10.0,
)


def message(what: str, payload: object, *, retain: bool = False, device: str = "pi-kitchen") -> Incoming:
    data = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    return Incoming(f"edgewise/v1/{device}/{what}", data, retain)


def heard(*messages: Incoming, now: int = NOW) -> tuple[Fleet, list[str]]:
    fleet = Fleet("edgewise/v1")
    return fleet, [news.what for each in messages for news in fleet.hear(each, now)]


def item(seq: int, **content: Any) -> Item:  # noqa: ANN401 - fields of Item
    return Item(NOW, "b1", seq, **content)


def kitchen(*messages: Incoming) -> Device:
    return heard(*messages)[0].devices["pi-kitchen"]


def test_a_device_is_known_by_what_the_broker_has_kept_of_it() -> None:
    device = kitchen(
        message("status", b"online", retain=True),
        message("birth", BIRTH, retain=True),
        message("state", State(NOW - 2000, {"tok_s": 7.9, "model": "qwen"}), retain=True),
    )
    assert (device.name, device.status, device.birth.groups, device.values["tok_s"]) == (
        "Kitchen",
        "online",
        ["pilot"],
        7.9,
    )
    assert device.seen == NOW - 2000
    assert device.condition(NOW) == "online"


def test_a_device_that_says_nothing_for_three_intervals_is_silent() -> None:
    device = kitchen(message("status", b"online"), message("birth", msgspec.structs.replace(BIRTH, interval=20.0)))
    assert device.condition(NOW + 59_000) == "online"
    assert device.condition(NOW + 61_000) == "silent"


def test_the_last_will_is_no_sign_of_life() -> None:
    device = kitchen(message("state", State(NOW - 60_000, {}), retain=True), message("status", b"offline"))
    assert (device.condition(NOW), device.seen) == ("offline", NOW - 60_000)


def test_history_fills_the_books_and_repetitions_are_dropped() -> None:
    batch = [item(4, event="started", data={"agent": "0.4.0"}), item(7, event="throttled")]
    fleet, news = heard(message("event", batch), message("event", batch))
    assert news == ['started {"agent":"0.4.0"}', "throttled {}"]
    assert fleet.devices["pi-kitchen"].ledger.missing() == 2
    lost = item(8, event="gap", data={"boot": "b1", "from": 5, "to": 6, "reason": "full"})
    assert [each.what for each in fleet.hear(message("event", [lost]), NOW)] == ["gap: b1 5-6 (full)"]
    ledger = fleet.devices["pi-kitchen"].ledger
    assert (ledger.missing(), ledger.lost()) == (0, 2)


def test_old_values_do_not_replace_newer_ones() -> None:
    past = msgspec.structs.replace(item(1, values={"tok_s": 1.0}), ts=NOW - 86_400_000)
    device = kitchen(message("state", State(NOW, {"tok_s": 5.0})), message("telemetry", [past]))
    assert device.values["tok_s"] == 5.0
    assert device.ledger.received() == 1


def test_what_makes_no_sense_is_counted_and_changes_nothing() -> None:
    fleet, _ = heard(message("state", b"{"), message("telemetry", {"seq": 1}), message("birth", b"\xff"))
    assert (fleet.malformed, fleet.devices) == (3, {})


def test_newer_devices_may_say_more() -> None:
    more = {**msgspec.to_builtins(BIRTH), "later": 1, "engine": {"model": "qwen", "also": 2}}
    assert kitchen(message("birth", more)).birth.engine.model == "qwen"


def test_other_topics_are_not_devices() -> None:
    fleet, _ = heard(Incoming("homeassistant/status", b"online"), Incoming("edgewise/v1/a/job/1/status", b"{}"))
    assert not fleet.devices


def test_a_device_is_gone_when_its_birth_is_taken_away() -> None:
    fleet, news = heard(message("birth", BIRTH), message("birth", b""))
    assert (fleet.devices, news) == ({}, ["was removed"])
