"""When Home Assistant is told what."""

from pathlib import Path
from typing import Any

import pytest

from agent.telemetry.home_assistant import HomeAssistant
from agent.telemetry.message import Incoming, Outgoing
from agent.telemetry.payloads import Birth
from tests.telemetry.broker import broker
from tests.telemetry.home_assistant.introducing import EVERYTHING, MODELS, TOPICS, birth, told
from tests.telemetry.home_assistant.rules import DEVICE
from tests.telemetry.observer import observer

FEWER = {name: metric for name, metric in EVERYTHING.items() if name not in {"power_w", "throttled"}}


def home(memory: Path | None = None) -> HomeAssistant:
    return HomeAssistant("homeassistant", TOPICS, memory)


def introduced(to: HomeAssistant, born: Birth) -> list[dict[str, Any]]:
    found = [told(message) for message in to.introduction(born, MODELS)]
    for payload in found:
        DEVICE(payload)
    return found


def test_the_same_device_is_told_of_in_one_message_each_time(tmp_path: Path) -> None:
    to = home(tmp_path / "told")
    assert introduced(to, birth()) == introduced(to, birth())
    assert len(introduced(home(tmp_path / "told"), birth())) == 1


@pytest.mark.parametrize("restarted", [False, True])
def test_what_is_gone_is_removed_once_and_left_out_from_then_on(tmp_path: Path, *, restarted: bool) -> None:
    to = home(tmp_path / "told")
    introduced(to, birth())
    to = home(tmp_path / "told") if restarted else to
    removing, left = introduced(to, birth(metrics=FEWER))
    assert removing["components"]["power_w"] == {"platform": "sensor"}
    assert removing["components"]["throttled"] == {"platform": "binary_sensor"}
    assert removing["components"].keys() - left["components"].keys() == {"power_w", "throttled"}
    assert introduced(to, birth(metrics=FEWER)) == [left]


def test_what_becomes_another_kind_of_entity_is_removed_first(tmp_path: Path) -> None:
    (tmp_path / "told").write_text('{"throttled": "sensor"}')
    removing, left = introduced(home(tmp_path / "told"), birth())
    assert removing["components"]["throttled"] == {"platform": "sensor"}
    assert left["components"]["throttled"]["platform"] == "binary_sensor"


def test_what_was_not_delivered_is_removed_the_next_time(tmp_path: Path) -> None:
    to = home(tmp_path / "told")
    introduced(to, birth())
    for _ in to.introduction(birth(metrics=FEWER), MODELS):
        break  # here the connection ends
    assert len(introduced(to, birth(metrics=FEWER))) == 2


@pytest.mark.parametrize("content", [b"", b"nonsense", b"[]", b'{"power_w": 1}'])
def test_a_broken_memory_removes_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "told").write_bytes(content)
    assert len(introduced(home(tmp_path / "told"), birth())) == 1


def test_a_memory_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    to = home(tmp_path / "nowhere" / "told")
    assert len(introduced(to, birth())) == 1
    assert len(introduced(to, birth(metrics=FEWER))) == 2


@pytest.mark.parametrize(
    ("topic", "payload", "starts"),
    [
        ("homeassistant/status", b"online", True),
        ("homeassistant/status", b"offline", False),
        ("homeassistant/status", b"", False),
        ("edgewise/v1/kitchen-1/cmd/ping", b"online", False),
    ],
)
def test_home_assistant_starts_when_it_says_so(topic: str, payload: bytes, *, starts: bool) -> None:
    assert home().starts(Incoming(topic, payload)) is starts
    assert home().subscriptions() == ["homeassistant/status"]


def test_it_is_told_again_after_one_to_ten_seconds() -> None:
    waits = [home().patience() for _ in range(200)]
    assert 1 <= min(waits) < 3
    assert 8 < max(waits) <= 10
    assert HomeAssistant("homeassistant", TOPICS, draw=lambda _low, high: high).patience() == 10


def test_a_device_that_is_given_away_leaves_nothing_at_the_broker(tmp_path: Path) -> None:
    def publish(message: Outgoing) -> None:
        seen.publish(message.topic, message.payload, retain=message.retain)

    with broker(tmp_path) as mosquitto:
        with observer(mosquitto.port, "homeassistant/#") as seen:
            for message in home().introduction(birth(), MODELS):
                publish(message)
        with observer(mosquitto.port, "homeassistant/#") as seen:
            seen.wait(lambda: seen.messages)
            assert seen.messages[0].retain
            publish(home().removal())
        with observer(mosquitto.port, "homeassistant/#") as seen:
            seen.publish("homeassistant/end", "")
            seen.wait(lambda: seen.messages)
            assert seen.topics() == ["homeassistant/end"]
