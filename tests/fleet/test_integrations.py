"""The ready-made files for other programs: they can be read, and name topics and metrics that there are."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from paho.mqtt.client import topic_matches_sub

from agent.telemetry import commands
from agent.telemetry.catalogue import history
from agent.telemetry.prometheus import exposition
from agent.telemetry.topics import Topics
from tests.fleet.documented import FOLDER
from tests.telemetry.readings import full

TOPICS = Topics("edgewise/v1", "pi-kitchen")
PUBLISHED = [TOPICS.own(name) for name in ("status", "birth", "state", "telemetry", "event", "log", "rsp/set_model")]


def json(name: str) -> Any:  # noqa: ANN401 - JSON
    return msgspec.json.decode((FOLDER / name).read_bytes())


def nodes(kind: str) -> Iterator[dict[str, Any]]:
    """Yield the nodes of one type of the flow."""
    yield from (node for node in json("node-red-flow.json") if node["type"] == kind)


def read_by_telegraf() -> Iterator[dict[str, Any]]:
    yield from tomllib.loads((FOLDER / "telegraf.conf").read_text(encoding="utf-8"))["inputs"]["mqtt_consumer"]


def is_published(topic: str) -> bool:
    return any(topic_matches_sub(topic, each) for each in PUBLISHED)


def test_telegraf_reads_topics_that_devices_publish() -> None:
    consumers = list(read_by_telegraf())
    assert len(consumers) == 2
    for consumer in consumers:
        assert all(map(is_published, consumer["topics"]))
        (parsing,) = consumer["topic_parsing"]
        assert parsing["topic"] in consumer["topics"]
        names = dict(zip(parsing["tags"].split("/"), PUBLISHED[0].split("/"), strict=True))
        assert names["device"] == "pi-kitchen"


def test_the_flow_reads_what_devices_publish_and_is_wired_up() -> None:
    flow = json("node-red-flow.json")
    ids = {node["id"] for node in flow}
    assert {target for node in flow for wires in node.get("wires", []) for target in wires} <= ids
    assert {node["broker"] for node in (*nodes("mqtt in"), *nodes("mqtt out"))} <= ids
    topics = [node["topic"] for node in nodes("mqtt in")]
    assert len(topics) == 4
    assert all(map(is_published, topics))


def test_the_button_of_the_flow_sends_a_command_that_there_is() -> None:
    (text,) = [node["func"] for node in nodes("function") if node["name"] == "command"]
    topic = re.search(r"topic: `([^`]+)`", text)
    answer = re.search(r"responseTopic: `([^`]+)`", text)
    assert topic
    assert answer
    name, shared = TOPICS.command(topic[1].replace("${device}", "pi-kitchen"))
    assert not shared
    arguments = commands.load()[name].args
    assert {field.name for field in msgspec.structs.fields(arguments)} >= set(re.findall(r"args: \{ (\w+):", text))
    assert is_published(answer[1].replace("${device}", "pi-kitchen"))


def test_the_profile_for_thingsboard_takes_history_and_the_birth() -> None:
    transport = json("thingsboard-profile.json")["profileData"]["transportConfiguration"]
    assert topic_matches_sub(transport["deviceTelemetryTopic"], TOPICS.own("telemetry"))
    assert topic_matches_sub(transport["deviceAttributesTopic"], TOPICS.own("birth"))


def test_the_dashboard_shows_metrics_that_there_are() -> None:
    text = exposition(full())
    known = set(re.findall(r"^(edgewise_\w+)", text, re.MULTILINE))
    panels = [panel for panel in json("grafana-dashboard.json")["panels"] if panel["type"] != "row"]
    assert len(panels) > 20
    for panel in panels:
        asked = {name for target in panel["targets"] for name in re.findall(r"\bedgewise_\w+", target["expr"])}
        assert asked
        assert asked <= known, panel["title"]


@pytest.mark.parametrize("label", ["reason", "kind", "le"])
def test_the_dashboard_divides_by_labels_that_there_are(label: str) -> None:
    assert re.search(rf'\b{label}="', exposition(full()))


def test_what_telegraf_leaves_out_is_no_metric() -> None:
    left_out = next(iter(read_by_telegraf()))["fieldexclude"]
    assert not set(left_out) & {f"values_{name}" for name in history(full())}
