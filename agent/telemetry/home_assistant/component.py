"""A component of the discovery payload: one entity of Home Assistant."""

from typing import Literal, TypeAlias

import msgspec

Platform: TypeAlias = Literal["sensor", "binary_sensor", "button", "select", "update"]


class Component(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What https://www.home-assistant.io/integrations/mqtt/ says of its platform, as far as it is used here."""

    platform: str
    unique_id: str = ""
    name: str = ""
    state_topic: str = ""
    value_template: str = ""
    device_class: str = ""
    state_class: str = ""
    unit_of_measurement: str = ""
    suggested_display_precision: int | None = None
    entity_category: str = ""
    expire_after: int = 0
    command_topic: str = ""
    command_template: str = ""
    payload_press: str = ""
    payload_install: str = ""
    options: list[str] = []
    qos: int = 0
