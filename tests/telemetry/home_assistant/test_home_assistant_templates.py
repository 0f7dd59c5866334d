"""What Home Assistant makes of a state, and what it sends when somebody presses something."""

import json
from typing import Any

import pytest

from agent.telemetry.payloads import Value
from tests.telemetry.home_assistant.introducing import MODELS, components, state
from tests.telemetry.home_assistant.rules import UPDATE, rendered

SERVING, OTHER = MODELS


def shown(component: str, values: dict[str, Value], better: str = "") -> str:
    """Return what an entity shows for a state."""
    source = components(better=better)[component]["value_template"]
    payload = state(values)
    return rendered(source, value=payload, value_json=json.loads(payload))


@pytest.mark.parametrize(
    ("metric", "value", "seen"),
    [
        ("soc_temp_c", 61.2, "61.2"),
        ("queue_depth", 0, "0"),
        ("tok_s", 0.0, "0.0"),
        ("model", SERVING, SERVING),
        ("engine", "loading", "loading"),
    ],
)
def test_a_sensor_shows_its_value(metric: str, value: Value, seen: str) -> None:
    assert shown(metric, {metric: value}) == seen


def test_every_entity_can_show_a_state_without_any_values() -> None:
    found = {key: shown(key, {}) for key, part in components().items() if "value_template" in part}
    assert {value for key, value in found.items() if key != "better_model"} == {"None"}  # Home Assistant's for unknown
    assert found["better_model"] == ""  # which it ignores


@pytest.mark.parametrize(
    ("component", "values", "seen"),
    [
        ("throttled", {"throttled": 1}, "ON"),
        ("throttled", {"throttled": 0}, "OFF"),
        ("ready", {"ready": 1}, "ON"),
        ("engine_problem", {"engine": "failed"}, "ON"),
        ("engine_problem", {"engine": "ready"}, "OFF"),
        ("outbox_problem", {"outbox_dropped": 3}, "ON"),
        ("outbox_problem", {"outbox_dropped": 0}, "OFF"),
    ],
)
def test_a_binary_sensor_is_on_or_off(component: str, values: dict[str, Value], seen: str) -> None:
    assert shown(component, values) == seen


@pytest.mark.parametrize(("model", "seen"), [(SERVING, SERVING), (OTHER, OTHER), ("on-its-way", "None")])
def test_the_choice_shows_the_model_that_serves_if_it_can_be_chosen(model: str, seen: str) -> None:
    assert shown("model_choice", {"model": model}) == seen


@pytest.mark.parametrize(
    ("better", "latest"),
    [("", SERVING), ("gemma-3-4b-it", "gemma-3-4b-it"), ('a "b" {{ c }} \\ é', 'a "b" {{ c }} \\ é')],
)
def test_an_update_is_on_offer_while_there_is_a_better_model(better: str, latest: str) -> None:
    versions = json.loads(shown("better_model", {"model": SERVING}, better))
    assert UPDATE(versions) == {"installed_version": SERVING, "latest_version": latest}


def sent(component: str, key: str, **known: Any) -> dict[str, Any]:  # noqa: ANN401 - what a person has chosen
    content = json.loads(rendered(components()[component][key], **known))
    assert isinstance(content, dict)
    return content


@pytest.mark.parametrize("model", [OTHER, 'a "b" \\ é'])
def test_choosing_a_model_sends_its_name(model: str) -> None:
    assert sent("model_choice", "command_template", value=model) == {"args": {"model": model}}


def test_taking_the_offer_leaves_the_choice_to_the_device() -> None:
    assert json.loads(components()["better_model"]["payload_install"]) == {"args": {"model": "auto"}}


@pytest.mark.parametrize("button", ["restart_engine", "bench", "rebirth"])
def test_a_button_sends_a_command_without_arguments(button: str) -> None:
    assert json.loads(components()[button]["payload_press"]) == {}
