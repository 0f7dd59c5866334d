"""The discovery payload: Home Assistant rejects the whole device for one key that it does not know at the root."""

from collections.abc import Mapping

import msgspec

from agent.telemetry.home_assistant.component import Component
from agent.telemetry.message import Outgoing
from agent.telemetry.payloads import Birth
from agent.telemetry.topics import Topics


class _Device(msgspec.Struct, frozen=True, omit_defaults=True):
    identifiers: list[str]
    name: str
    manufacturer: str
    model: str = ""
    sw_version: str = ""
    configuration_url: str = ""


class _Origin(msgspec.Struct, frozen=True):
    name: str
    sw_version: str


class _Availability(msgspec.Struct, frozen=True):
    topic: str


class _Discovery(msgspec.Struct, frozen=True):
    device: _Device
    origin: _Origin
    availability: list[_Availability]
    components: Mapping[str, Component]


def discovery(
    prefix: str, topics: Topics, birth: Birth | None = None, components: Mapping[str, Component] | None = None
) -> Outgoing:
    """Return the retained message that makes or changes the device; without a birth it removes it.

    Args:
        prefix: beginning of the topics that Home Assistant looks at.
        topics: of the device.
        birth: who it is.
        components: its entities by key; one of which only the platform is given is removed.
    """
    topic = f"{prefix}/device/{topics.device}/config"
    if birth is None:
        return Outgoing(topic, b"", retain=True, content_type="")
    device = _Device(
        identifiers=[f"edgewise_{topics.device}"],
        name=birth.name or topics.device,
        manufacturer="Edgewise",
        model=birth.hw.board,
        sw_version=birth.agent,
        configuration_url=birth.ui,
    )
    origin = _Origin("edgewise", birth.agent)
    content = _Discovery(device, origin, [_Availability(topics.own("status"))], components or {})
    return Outgoing(topic, msgspec.json.encode(content, enc_hook=str), retain=True)
