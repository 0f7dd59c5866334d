"""docs/mqtt-schema.json, and whether a device keeps to it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from agent.config import Config, engine_environment
from agent.node import Node
from agent.telemetry.message import Outgoing
from scripts import mqtt_schema
from tests.telemetry.broker import broker
from tests.telemetry.commanding import HUB, Device, device, ready
from tests.telemetry.observer import Observer, observer

SCHEMA = json.loads(mqtt_schema.PATH.read_text(encoding="utf-8"))
REGISTRY: Registry[Any] = Registry().with_resource(SCHEMA["$id"], DRAFT202012.create_resource(SCHEMA))
COMMANDS: dict[str, dict[str, Any]] = {
    "ping": {},
    "rebirth": {},
    "diagnostics": {},
    "bench": {},
    "restart_engine": {"patience_s": 0},
    "say": {"prompt": "hello", "stream": True},
    "set_model": {"model": "auto"},
    "zzz": {},
}


def validate(value: object, *path: str) -> None:
    """Raise ValidationError unless a value is as this part of the schema says."""
    pointer = "/".join(part.replace("/", "~1") for part in path)
    Draft202012Validator({"$ref": f"{SCHEMA['$id']}#/{pointer}"}, registry=REGISTRY).validate(value)


def test_the_schema_is_up_to_date() -> None:
    current = mqtt_schema.PATH.read_text(encoding="utf-8")
    assert current == mqtt_schema.text(), "run `.venv/bin/python -m scripts.mqtt_schema`"


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("state", {"ts": "now", "values": {}}),
        ("telemetry", [{"ts": 1, "seq": 1}]),
        ("cmd/+", {"ttl_s": -1}),
        ("desired", {"rev": 1, "state": {"prefer": "best"}}),
        ("desired", {"state": {}}),
        ("rsp/+", {"id": "1", "status": "fine", "code": 200}),
    ],
)
def test_the_schema_refuses_what_is_wrong(topic: str, payload: object) -> None:
    with pytest.raises(ValidationError):
        validate(payload, "topics", topic)


def test_the_schema_takes_what_a_hub_sends() -> None:
    validate({}, "topics", "cmd/+")
    validate({"rev": 3, "state": {"model": None, "telemetry": {"interval_s": None}}}, "topics", "desired")


def test_answers_are_as_the_schema_says(tmp_path: Path) -> None:
    async def scenario() -> list[tuple[str, Outgoing]]:
        async with device(tmp_path, mqtt_say=9) as found:
            await ready(found)
            return [pair for name, args in COMMANDS.items() for pair in await asked(found, name, args)]

    said = asyncio.run(scenario())
    assert {name for name, _ in said} == set(COMMANDS)
    for name, message in said:
        answer = msgspec.json.decode(message.payload)
        validate(answer, "topics", "rsp/+")
        if answer["status"] == "ok":
            validate(answer["result"], "commands", name, "result")


async def asked(found: Device, name: str, args: dict[str, Any]) -> list[tuple[str, Outgoing]]:
    before = len(found.hub.messages)
    await found.ask(name, {"args": args})
    return [(name, message) for message in found.hub.messages[before:]]


def test_all_that_a_device_publishes_is_as_the_schema_says(tmp_path: Path) -> None:
    with broker(tmp_path) as mosquitto, observer(mosquitto.port) as hub:
        asyncio.run(reporting(tmp_path, mosquitto.url, hub))
        own = [message for message in hub.messages if message.topic.startswith("edgewise/v1/kitchen-1/")]
    seen = set()
    for message in own:
        topic = message.topic.removeprefix("edgewise/v1/kitchen-1/")
        kind = topic.replace("rsp/ping", "rsp/+").replace("cmd/ping", "cmd/+")
        seen.add(kind)
        if kind == "status":
            assert message.payload in {b"online", b"offline"}
        else:
            validate(json.loads(message.payload), "topics", kind)
    assert {"status", "birth", "state", "telemetry", "event", "cmd/+", "rsp/+", "reported"} <= seen


async def reporting(folder: Path, url: str, hub: Observer) -> None:
    """Have a device report until it has told everything, and answer a ping over the wire."""
    config = Config(
        state_dir=folder / "state",
        engine="echo",
        auth="open",
        mqtt_url=url,
        mqtt_id="kitchen-1",
        mqtt_interval=1,
        discovery=False,
    )
    node = Node(config, engine_environment())
    await node.open()
    node.start()
    try:
        await asyncio.to_thread(hub.wait, lambda: "edgewise/v1/kitchen-1/reported" in hub.topics())
        hub.publish("edgewise/v1/kitchen-1/cmd/ping", "{}", reply=HUB)
        hub.publish("edgewise/v1/kitchen-1/cmd/ping", "{}")
        await asyncio.to_thread(hub.wait, lambda: HUB in hub.topics())
        await asyncio.to_thread(hub.wait, lambda: "edgewise/v1/kitchen-1/rsp/ping" in hub.topics())
        await asyncio.to_thread(hub.wait, lambda: "edgewise/v1/kitchen-1/telemetry" in hub.topics(), 20)
    finally:
        await node.stop()
