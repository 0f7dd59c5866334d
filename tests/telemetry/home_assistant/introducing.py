"""A device as it introduces itself to Home Assistant."""

import json
from typing import Any

import msgspec

from agent.telemetry import payloads
from agent.telemetry.catalogue import METRICS
from agent.telemetry.home_assistant import HomeAssistant
from agent.telemetry.message import Outgoing
from agent.telemetry.payloads import Birth, EngineFacts, Hardware, Value
from agent.telemetry.topics import Topics

TOPICS = Topics("edgewise/v1", "kitchen-1")
STATE = "edgewise/v1/kitchen-1/state"
MODELS = ["qwen2.5-1.5b-instruct-q4_k_m", "smollm2-135m-instruct-q4_1"]
COMMANDS = ["bench", "ping", "rebirth", "restart_engine", "set_model"]
EVERYTHING = {
    metric.name: payloads.Metric(u=metric.unit, dc=metric.device_class, total=metric.kind == "counter")
    for metric in METRICS
    if metric.place != "here"
}


BIRTH = Birth(
    ts=1_795_289_861_000,
    ts_q="ntp",
    boot="9f2c41d7",
    id="kitchen-1",
    name="Kitchen Pi",
    site="lab-2",
    groups=[],
    agent="0.5.0",
    hw=Hardware("rpi5-8g", "Raspberry Pi 5 Model B Rev 1.0", 8062, []),
    engine=EngineFacts("llama_cpp", MODELS[0], "Q4_K_M", "", 4096),
    ui="http://192.168.1.5:8080/",
    cmds=COMMANDS,
    metrics=EVERYTHING,
    interval=10.0,
)


def birth(*, serving: str = MODELS[0], **changes: Any) -> Birth:  # noqa: ANN401 - its fields
    """Return a birth like that of a Raspberry Pi 5 which has all there is."""
    engine = msgspec.structs.replace(BIRTH.engine, model=serving)
    return msgspec.structs.replace(BIRTH, engine=engine, **changes)


def introduction(born: Birth | None = None, models: list[str] | None = None, better: str = "") -> Outgoing:
    """Return the one message of a device that has never been told of."""
    [message] = HomeAssistant("homeassistant", TOPICS).introduction(
        born or birth(), MODELS if models is None else models, better
    )
    return message


def told(message: Outgoing) -> dict[str, Any]:
    content = json.loads(message.payload)
    assert isinstance(content, dict)
    return content


def components(**changes: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - those of `birth`
    """Return the components of a device."""
    better, models = changes.pop("better", ""), changes.pop("models", None)
    found = told(introduction(birth(**changes), models, better))["components"]
    assert isinstance(found, dict)
    return found


def state(values: dict[str, Value]) -> str:
    """Return a payload of the state."""
    return msgspec.json.encode(payloads.State(1_795_289_861_000, values)).decode()
