"""What Home Assistant Core 2026.2.3 takes as a device, in our own words.

The rules are those of homeassistant/components/mqtt (schemas.py, config.py, sensor.py, binary_sensor.py, button.py,
select.py, update.py, util.py) and of the device classes and units in components/sensor/const.py and const.py of that
version; its authors have put it under the Apache License 2.0. Ours are stricter where it takes a payload and drops a
key of a component without a word, or complains when a value comes: of a state class that does not fit, or of a sensor
in the category for settings.
"""

from collections.abc import Mapping
from typing import Any

import jinja2
import jinja2.sandbox
import voluptuous as vol

ENVIRONMENT = jinja2.sandbox.ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)

_TIMES = {"μs", "ms", "s", "min", "h", "d"}
_SIZES = {f"{prefix}{unit}" for unit in ("bit", "B") for prefix in ("", "k", "M", "G")} | {"TB", "KiB", "MiB", "GiB"}
_POWERS = {"mW", "W", "kW", "MW", "GW", "TW"}
_ENERGIES = {"J", "kJ", "MJ", "GJ", "mWh", "Wh", "kWh", "MWh", "GWh", "TWh", "cal", "kcal", "Mcal", "Gcal"}
_ONLY_NOW, _ALL, _ONLY_SUMS = (
    {"measurement"},
    {"measurement", "total", "total_increasing"},
    {"total", "total_increasing"},
)

# Of each device class of sensors: its units, and its state classes. Others are not used by our metrics.
SENSORS: dict[str, tuple[set[str], set[str]]] = {
    "temperature": ({"°C", "°F", "K"}, _ONLY_NOW),
    "frequency": ({"Hz", "kHz", "MHz", "GHz"}, _ONLY_NOW),
    "power": (_POWERS, _ONLY_NOW),
    "energy": (_ENERGIES, _ONLY_SUMS),
    "duration": (_TIMES, _ALL),
    "data_size": (_SIZES, _ALL),
}
_BINARY = {"problem", "running", "connectivity", "heat", "power", "update"}  # and more, which do not fit
_PRESSED = {"identify", "restart", "update"}


def text(value: object) -> str:
    """Texts may be numbers, but neither lists nor nothing."""
    if value is None or isinstance(value, list | dict):
        raise vol.Invalid("no text")
    return str(value)


def topic(value: object) -> str:
    """Topics to publish to; what is listened to here has no wildcards either."""
    found = text(value)
    if not found or any(sign in found for sign in "+#\0") or len(found.encode()) > 65535 or not found.isprintable():
        raise vol.Invalid("no topic")
    return found


def template(value: object) -> str:
    try:
        ENVIRONMENT.parse(text(value))
    except jinja2.TemplateSyntaxError as error:
        raise vol.Invalid(f"no template: {error}") from error
    return str(value)


def url(value: object) -> str:
    found = text(value)
    if not found.startswith(("http://", "https://", "homeassistant://")):
        raise vol.Invalid("no address")
    return str(vol.Schema(vol.Url())(found))


def _optional(**rules: Any) -> dict[Any, Any]:  # noqa: ANN401 - whatever voluptuous takes
    return {vol.Optional(key): rule for key, rule in rules.items()}


def _required(**rules: Any) -> dict[Any, Any]:  # noqa: ANN401 - see above
    return {vol.Required(key): rule for key, rule in rules.items()}


_COUNT = vol.All(vol.Coerce(int), vol.Range(min=0))
_LIST = vol.Schema([{**_required(topic=topic), **_optional(payload_available=text, payload_not_available=text)}])
_AVAILABILITY = {
    vol.Exclusive("availability", "availability"): _LIST,
    vol.Exclusive("availability_topic", "availability"): topic,
    **_optional(availability_mode=vol.In({"all", "any", "latest"}), availability_template=template),
    **_optional(payload_available=text, payload_not_available=text),
}
_EVERY = {
    **_required(platform=text, unique_id=text),
    **_optional(
        name=vol.Any(text, None),
        qos=vol.In({0, 1, 2}),
        encoding=text,
        enabled_by_default=bool,
        entity_category=vol.In({"config", "diagnostic"}),
        icon=vol.Match(".+:.+"),
        default_entity_id=text,
        json_attributes_topic=topic,
        json_attributes_template=template,
    ),
    **_AVAILABILITY,
}
_SHOWS = {**_EVERY, **_required(state_topic=topic), **_optional(value_template=template)}


def _fits_together(sensor: Mapping[str, Any]) -> Mapping[str, Any]:
    device_class, unit, state = (sensor.get(key) for key in ("device_class", "unit_of_measurement", "state_class"))
    units, states = SENSORS.get(device_class or "", (set(), _ALL))
    if device_class and unit not in units:
        raise vol.Invalid(f"{unit} is no unit of {device_class}")
    if state and state not in states:
        raise vol.Invalid(f"{state} is nothing for {device_class}")
    if sensor.get("entity_category") == "config":
        raise vol.Invalid("a sensor is nothing to configure")
    return sensor


PLATFORMS: dict[str, vol.Schema | vol.All] = {
    "sensor": vol.All(
        vol.Schema(
            {
                **_SHOWS,
                **_optional(
                    device_class=vol.In(set(SENSORS)),
                    expire_after=_COUNT,
                    force_update=bool,
                    state_class=vol.In(_ALL | {"measurement_angle"}),
                    suggested_display_precision=_COUNT,
                    unit_of_measurement=vol.All(text, vol.Length(min=1)),
                ),
            }
        ),
        _fits_together,
    ),
    "binary_sensor": vol.Schema(
        {
            **_SHOWS,
            **_optional(device_class=vol.In(_BINARY), expire_after=_COUNT, force_update=bool, off_delay=_COUNT),
            **_optional(payload_off=text, payload_on=text),
        }
    ),
    "button": vol.Schema(
        {
            **_EVERY,
            **_required(command_topic=topic),
            **_optional(command_template=template, device_class=vol.In(_PRESSED), payload_press=text, retain=bool),
        }
    ),
    "select": vol.Schema(
        {
            **_EVERY,
            **_required(command_topic=topic, options=[text]),
            **_optional(command_template=template, optimistic=bool, retain=bool),
            **_optional(state_topic=topic, value_template=template),
        }
    ),
    "update": vol.Schema(
        {
            **_SHOWS,
            **_optional(command_topic=topic, device_class=vol.In({"firmware"}), display_precision=_COUNT),
            **_optional(latest_version_template=template, latest_version_topic=topic, payload_install=text),
            **_optional(release_summary=text, release_url=text, retain=bool, title=text),
        }
    ),
}


def component(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """One entity; with nothing but its platform it is one that is to be removed."""
    platform = vol.Schema(vol.In(set(PLATFORMS)))(value.get("platform"))
    if len(value) > 1:
        PLATFORMS[platform](value)
    return value


def _known(device: Mapping[str, Any]) -> Mapping[str, Any]:
    if not device.get("identifiers") and not device.get("connections"):
        raise vol.Invalid("nothing says which device it is")
    return device


DEVICE = vol.Schema(
    {
        **_AVAILABILITY,
        **_required(
            components={str: component},
            origin={**_required(name=text), **_optional(sw_version=text, support_url=url)},
            device=vol.All(
                _optional(
                    identifiers=[text],
                    connections=[vol.All([text], vol.Length(2, 2))],
                    manufacturer=text,
                    model=text,
                    model_id=text,
                    name=text,
                    hw_version=text,
                    serial_number=text,
                    sw_version=text,
                    via_device=text,
                    suggested_area=text,
                    configuration_url=url,
                ),
                _known,
            ),
        ),
        **_optional(state_topic=topic, command_topic=topic, qos=vol.In({0, 1, 2}), encoding=text),
    }
)
"""The whole payload."""

# What the template of an update may yield.
UPDATE = vol.Schema(
    _optional(
        installed_version=text,
        latest_version=text,
        title=text,
        release_summary=text,
        release_url=url,
        entity_picture=url,
        in_progress=bool,
        update_percentage=vol.Any(vol.Range(min=0, max=100), None),
    )
)


def rendered(source: str, **known: object) -> str:
    """Return what a template yields."""
    return ENVIRONMENT.from_string(source).render(**known)
