"""The discovery payload, by the rules of Home Assistant."""

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest
import voluptuous as vol

from agent.telemetry.catalogue import METRICS
from tests.telemetry.home_assistant.introducing import (
    EVERYTHING,
    MODELS,
    STATE,
    birth,
    components,
    introduction,
    told,
)
from tests.telemetry.home_assistant.rules import DEVICE

Payload = dict[str, Any]


@pytest.mark.parametrize("interval", [1.0, 10.0, 7.3, 3600.0])
@pytest.mark.parametrize("ui", ["", "http://192.168.1.5:8080/", "https://[fd00::5]:8080/"])
def test_home_assistant_takes_the_payload(interval: float, ui: str) -> None:
    DEVICE(told(introduction(birth(interval=interval, ui=ui), better="gemma-3-4b-it-q4_k_m")))


def test_it_takes_a_device_that_measures_and_does_nothing() -> None:
    bare = told(introduction(birth(metrics={}, cmds=[], serving=""), []))
    DEVICE(bare)
    assert bare["components"] == {}


def test_the_rules_know_every_device_class_of_the_catalogue() -> None:
    found = components()
    assert {name for name in EVERYTHING if name not in found} == set()


def change(*keys: str, to: object) -> Callable[[Payload], None]:
    def apply(payload: Payload) -> None:
        place = payload
        for key in keys[:-1]:
            place = place[key]
        if to is None:
            del place[keys[-1]]
        else:
            place[keys[-1]] = to

    return apply


BREAKAGES = {
    "an unknown key at the root": change("colour", to="red"),
    "an abbreviated key at the root": change("cmps", to={}),
    "an unknown key of the device": change("device", "firmware", to="1"),
    "an unknown key of the origin": change("origin", "url", to="1"),
    "no origin": change("origin", to=None),
    "no device": change("device", to=None),
    "no components": change("components", to=None),
    "a device without identifiers": change("device", "identifiers", to=[]),
    "an address that is none": change("device", "configuration_url", to="kitchen.local"),
    "two ways to say availability": change("availability_topic", to="a/b"),
    "an availability without a topic": change("availability", to=[{}]),
    "a component without platform": change("components", "tok_s", "platform", to=None),
    "a component without unique id": change("components", "tok_s", "unique_id", to=None),
    "a key that components have no more": change("components", "tok_s", "object_id", to="x"),
    "a sensor without topic": change("components", "tok_s", "state_topic", to=None),
    "a unit of another device class": change("components", "soc_temp_c", "unit_of_measurement", to="W"),
    "an unknown device class": change("components", "soc_temp_c", "device_class", to="heat"),
    "a temperature that only grows": change("components", "soc_temp_c", "state_class", to="total_increasing"),
    "energy that is measured": change("components", "energy_wh", "state_class", to="measurement"),
    "a sensor to configure": change("components", "tok_s", "entity_category", to="config"),
    "a broken template": change("components", "tok_s", "value_template", to="{{ value_json"),
    "a key of another platform": change("components", "restart_engine", "state_topic", to="a/b"),
    "a button without topic": change("components", "restart_engine", "command_topic", to=None),
    "a wildcard to publish to": change("components", "restart_engine", "command_topic", to="a/+"),
    "a select without options": change("components", "model_choice", "options", to=None),
    "an unknown key of an update": change("components", "better_model", "options", to=[]),
    "a negative age": change("components", "throttled", "expire_after", to=-1),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_the_rules_refuse(breakage: str) -> None:
    payload = told(introduction())
    DEVICE(copy.deepcopy(payload))
    BREAKAGES[breakage](payload)
    with pytest.raises(vol.Invalid):
        DEVICE(payload)


def test_the_message_is_retained_and_goes_where_home_assistant_looks() -> None:
    message = introduction()
    assert (message.topic, message.retain, message.qos) == ("homeassistant/device/kitchen-1/config", True, 1)
    assert message.expiry == 0


def test_only_four_keys_are_at_the_root() -> None:
    assert told(introduction()).keys() == {"device", "origin", "availability", "components"}


def test_identity_does_not_depend_on_what_people_call_the_device() -> None:
    before, after = told(introduction()), told(introduction(birth(name="Küche")))
    assert after["device"]["name"] == "Küche"
    assert before["device"]["identifiers"] == after["device"]["identifiers"] == ["edgewise_kitchen-1"]
    assert before["components"] == after["components"]


def test_a_device_without_name_is_called_by_its_id() -> None:
    assert told(introduction(birth(name="")))["device"]["name"] == "kitchen-1"


def test_unique_ids_are_unique_and_name_device_and_component() -> None:
    assert all(part["unique_id"] == f"edgewise_kitchen-1_{key}" for key, part in components().items())


def test_component_keys_and_the_device_fit_the_topics_of_home_assistant() -> None:
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", key) for key in components())


def test_availability_is_the_status() -> None:
    assert told(introduction())["availability"] == [{"topic": "edgewise/v1/kitchen-1/status"}]


@pytest.mark.parametrize(("interval", "seconds"), [(10.0, 30), (7.3, 22), (1.0, 3)])
def test_values_are_not_believed_for_longer_than_three_intervals(interval: float, seconds: int) -> None:
    shown = [part for part in components(interval=interval).values() if part["platform"].endswith("sensor")]
    assert {part["expire_after"] for part in shown} == {seconds}
    assert {part["state_topic"] for part in shown} == {STATE}


def test_a_metric_looks_as_the_catalogue_says() -> None:
    found = components()
    for metric in METRICS:
        if metric.place == "here":
            assert metric.name not in found
            continue
        part = found[metric.name]
        assert part["platform"] == ("binary_sensor" if metric.kind == "flag" else "sensor")
        assert part["name"] == metric.title
        assert part.get("unit_of_measurement", "") == metric.unit
        assert part.get("device_class", "") == metric.device_class
        assert part.get("state_class", "") == metric.state_class


def test_only_what_the_device_has_is_offered() -> None:
    found = components(metrics={"tok_s": EVERYTHING["tok_s"]}, cmds=["rebirth"])
    assert found.keys() == {"tok_s", "rebirth"}


def test_commands_go_to_the_topics_of_the_device_with_qos_1() -> None:
    asked = {key: part for key, part in components().items() if "command_topic" in part}
    assert {key: part["command_topic"].rpartition("/")[2] for key, part in asked.items()} == {
        "restart_engine": "restart_engine",
        "bench": "bench",
        "rebirth": "rebirth",
        "model_choice": "set_model",
        "better_model": "set_model",
    }
    assert all(part["qos"] == 1 and "retain" not in part for part in asked.values())


def test_the_choice_is_between_what_is_installed_and_what_serves() -> None:
    assert components(serving="echo")["model_choice"]["options"] == ["echo", *MODELS]
    assert "model_choice" not in components(serving="", models=[])
