"""The settings of telemetry, which `agent.config.Config` has among its own."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

DAYTIME = r"^((([01][0-9]|2[0-3]):[0-5][0-9])-(([01][0-9]|2[0-3]):[0-5][0-9]))?$"
"""A part of each day, such as `02:00-05:00`, or nothing."""

Part = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]*$", max_length=64)]  # of a topic: no slashes, no wildcards


class TelemetrySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How and what to report."""

    mqtt_url: Annotated[
        str,
        Meta(description="MQTT broker to report to, as mqtt://HOST:PORT or mqtts://HOST:PORT; empty: report to nobody"),
    ] = ""
    mqtt_username: Annotated[
        str, Meta(description="name to sign in to the broker with; empty: the id of this device")
    ] = ""
    mqtt_password_file: Annotated[
        Path | None,
        Meta(description="file with the broker's password; also found as systemd credential mqtt.password"),
    ] = None
    mqtt_ca: Annotated[
        Path | None, Meta(description="certificates to trust for mqtts, PEM; else those of the system")
    ] = None
    mqtt_cert: Annotated[Path | None, Meta(description="certificate of this device for the broker, PEM")] = None
    mqtt_key: Annotated[Path | None, Meta(description="private key to mqtt_cert, PEM")] = None
    mqtt_id: Annotated[
        str,
        Meta(
            pattern=r"^([a-z0-9-]{6,40})?$",
            description="what the device is called in topics, client id and user name, for good; empty: its own id",
        ),
    ] = ""
    mqtt_prefix: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9_./-]+$", max_length=128, description="beginning of all topics")
    ] = "edgewise/v1"
    mqtt_site: Annotated[Part, Meta(description="where the device stands, told to the hub")] = ""
    mqtt_groups: Annotated[
        list[Part], Meta(description="groups whose commands the device follows, separated by commas")
    ] = []
    mqtt_interval: Annotated[float, Meta(ge=1, le=3600, description="seconds between two reports")] = 10.0
    mqtt_logs: Annotated[
        Literal["off", "warning", "error"], Meta(description="least severe messages of the log to report; off: none")
    ] = "off"
    mqtt_say: Annotated[
        int, Meta(ge=0, description="prompts an hour that may be asked over MQTT, by the command say; 0: none")
    ] = 0
    mqtt_home_assistant: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9_./-]*$",
            description="topic under which Home Assistant looks for devices; empty: do not tell it",
        ),
    ] = "homeassistant"
    mqtt_sparkplug: Annotated[Part, Meta(description="Sparkplug B group to report to as well; empty: do not")] = ""
    mqtt_window: Annotated[
        str,
        Meta(
            pattern=DAYTIME,
            description="time of day, local, in which jobs may change the model, such as 02:00-05:00; empty: always",
        ),
    ] = ""
    outbox_mb: Annotated[int, Meta(ge=1, description="MiB on disk for reports that wait for the broker")] = 64
    outbox_days: Annotated[float, Meta(gt=0, description="days after which a report that waits is dropped")] = 7.0
    outbox_free_mb: Annotated[
        int, Meta(ge=0, description="MiB of the disk that reports leave free, whatever outbox_mb says")
    ] = 256
    discovery: Annotated[bool, Meta(description="announce the device on the local network, by mDNS")] = True
