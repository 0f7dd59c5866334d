"""The entities of a device: what it measures, what may be wrong with it, and what it can be asked to do.

In a template `value_json.values` would be the method of a Python dictionary, therefore the brackets.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agent.telemetry.catalogue import METRICS, Metric
from agent.telemetry.home_assistant.component import Component, Platform
from agent.telemetry.payloads import Birth
from agent.telemetry.topics import Topics

_MAIN = {"engine", "model", "ready", "tok_s", "queue_depth"}  # the rest is for those who look for a fault
_STALE = 3  # intervals after which a value is not believed any more; the broker forgets the state then, too
_BUTTONS = {  # command: name, category, device class
    "restart_engine": ("Restart engine", "config", "restart"),
    "bench": ("Run benchmark", "diagnostic", ""),
    "rebirth": ("Report again", "diagnostic", ""),
}
_PROBLEMS = {  # component: metric, name, condition
    "engine_problem": ("engine", "Engine problem", "value == 'failed'"),
    "outbox_problem": ("outbox_dropped", "Reports lost", "value > 0"),
}


def components(birth: Birth, topics: Topics, models: Sequence[str], better: str) -> dict[str, Component]:
    """Return all entities by their keys, which never change their meaning.

    Args:
        birth: who the device is, which metrics it has and which commands it understands.
        topics: of the device.
        models: names of the installed ones.
        better: name of the model that would be chosen; empty: the one that serves.
    """
    maker = _Maker(birth, topics)
    measured = [metric for metric in METRICS if metric.name in birth.metrics]
    found = {metric.name: maker.measured(metric) for metric in measured}
    found |= dict(maker.problems())
    found |= dict(maker.buttons())
    if "set_model" in birth.cmds:
        found |= dict(maker.choice(models, better))
    return found


@dataclass(frozen=True)
class _Maker:
    birth: Birth
    topics: Topics

    def measured(self, metric: Metric) -> Component:
        """Return the entity that shows a metric."""
        category = "" if metric.name in _MAIN else "diagnostic"
        if metric.kind == "flag":
            return self._binary(metric.name, metric.title, _either(metric.name, "value"), metric.device_class, category)
        number = metric.kind != "text"
        return self._shown(
            "sensor",
            metric.name,
            metric.title,
            value_template=f"{{{{ {_value(metric.name)} }}}}",
            device_class=metric.device_class,
            state_class=metric.state_class,
            unit_of_measurement=metric.unit,
            suggested_display_precision=metric.digits if number else None,
            entity_category=category,
        )

    def problems(self) -> Iterator[tuple[str, Component]]:
        """Yield what may be wrong."""
        for key, (metric, name, condition) in _PROBLEMS.items():
            if metric in self.birth.metrics:
                yield key, self._binary(key, name, _either(metric, condition), "problem", "diagnostic")

    def buttons(self) -> Iterator[tuple[str, Component]]:
        """Yield commands without arguments."""
        for command, (name, category, device_class) in _BUTTONS.items():
            if command in self.birth.cmds:
                looks = {"payload_press": "{}", "entity_category": category, "device_class": device_class}
                yield command, self._commanded("button", command, command, name, **looks)

    def choice(self, models: Sequence[str], better: str) -> Iterator[tuple[str, Component]]:
        """Yield the choice between the installed models, and the offer to leave it to the device."""
        options = sorted({*models, self.birth.engine.model} - {""})
        if options:
            known = json.dumps(options, ensure_ascii=False)
            shown = f"{{% set value = {_value('model')} %}}{{{{ value if value in {known} else 'None' }}}}"
            ask = '{"args": {"model": {{ value | tojson }}}}'
            select = {"options": options, "value_template": shown, "command_template": ask}
            yield "model_choice", self._commanded("select", "set_model", "model_choice", "Model choice", **select)
        install = '{"args": {"model": "auto"}}'
        versions = {"value_template": _versions(better), "payload_install": install}
        yield "better_model", self._commanded("update", "set_model", "better_model", "Better model", **versions)

    def _binary(self, key: str, name: str, template: str, device_class: str, category: str) -> Component:
        return self._shown(
            "binary_sensor",
            key,
            name,
            value_template=template,
            device_class=device_class,
            entity_category=category,
        )

    def _shown(self, platform: Platform, key: str, name: str, **more: Any) -> Component:  # noqa: ANN401 - those of Component
        expiry = math.ceil(_STALE * self.birth.interval)
        return self._entity(platform, key, name, state_topic=self.topics.own("state"), expire_after=expiry, **more)

    def _commanded(self, platform: Platform, command: str, key: str, name: str, **more: Any) -> Component:  # noqa: ANN401 - those of Component
        seen = {} if platform == "button" else {"state_topic": self.topics.own("state")}
        topic = self.topics.own(f"cmd/{command}")
        return self._entity(platform, key, name, command_topic=topic, qos=1, **seen, **more)

    def _entity(self, platform: Platform, key: str, name: str, **more: Any) -> Component:  # noqa: ANN401 - those of Component
        unique = f"edgewise_{self.topics.device}_{key}"
        return Component(platform=platform, unique_id=unique, name=name, **more)


def _value(metric: str) -> str:
    return f"value_json['values'].get('{metric}')"


def _either(metric: str, condition: str) -> str:
    known = f"{{{{ 'ON' if {condition} else 'OFF' }}}}"
    return f"{{% set value = {_value(metric)} %}}{{% if value is none %}}None{{% else %}}{known}{{% endif %}}"


def _versions(better: str) -> str:
    """Return a template for JSON, as Home Assistant takes it for updates; empty while no model serves."""
    latest = json.dumps(better, ensure_ascii=False) if better else "value"
    versions = f"{{'installed_version': value, 'latest_version': {latest}}}"
    return f"{{% set value = {_value('model')} %}}{{% if value %}}{{{{ {versions} | tojson }}}}{{% endif %}}"
