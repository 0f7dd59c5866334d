"""All metrics: what telemetry, the birth, Home Assistant, Sparkplug, Prometheus and the page of the device speak of."""

from collections.abc import Callable

from agent.telemetry import payloads
from agent.telemetry.board_metrics import COMPUTING, ROOM
from agent.telemetry.engine_metrics import COUNTED, SERVING
from agent.telemetry.metric import Metric
from agent.telemetry.payloads import Value
from agent.telemetry.reading import Backlog, Reading, Uplink

__all__ = ["METRICS", "Backlog", "Metric", "Reading", "Uplink", "described", "history", "values"]


def _waiting(look: Callable[[Backlog], float]) -> Callable[[Reading], float | None]:
    return lambda reading: look(reading.backlog) if reading.backlog else None


def _linked(look: Callable[[Uplink], float]) -> Callable[[Reading], float | None]:
    return lambda reading: look(reading.uplink) if reading.uplink else None


_REPORTING = (
    Metric(
        "uptime_s",
        "Uptime",
        "Time since the daemon was started.",
        lambda reading: reading.uptime,
        unit="s",
        device_class="duration",
        prometheus="edgewise_uptime_seconds",
        place="state",
    ),
    Metric(
        "outbox_rows",
        "Reports waiting",
        "Reports that wait for the broker.",
        _waiting(lambda backlog: backlog.rows),
        prometheus="edgewise_outbox_rows",
        place="state",
    ),
    Metric(
        "outbox_kb",
        "Reports waiting, size",
        "What the reports that wait take on disk.",
        _waiting(lambda backlog: backlog.bytes),
        unit="kB",
        per=1e3,
        device_class="data_size",
        prometheus="edgewise_outbox_bytes",
        place="state",
    ),
    Metric(
        "outbox_age_s",
        "Oldest report",
        "How long the oldest report has waited.",
        _waiting(lambda backlog: backlog.age),
        unit="s",
        device_class="duration",
        prometheus="edgewise_outbox_age_seconds",
        place="state",
    ),
    Metric(
        "outbox_dropped",
        "Reports dropped",
        "Reports that were given up, for lack of room or for their age.",
        _waiting(lambda backlog: backlog.dropped),
        kind="counter",
        prometheus="edgewise_outbox_dropped_total",
        place="state",
    ),
    Metric(
        "mqtt_connected",
        "Connected to the broker",
        "Whether there is a connection to the broker.",
        _linked(lambda uplink: uplink.connected),
        kind="flag",
        prometheus="edgewise_mqtt_connected",
        place="here",
    ),
    Metric(
        "mqtt_reconnects",
        "Reconnections",
        "How often the connection to the broker was made again.",
        _linked(lambda uplink: uplink.reconnects),
        kind="counter",
        prometheus="edgewise_mqtt_reconnects_total",
        place="state",
    ),
)

METRICS: tuple[Metric, ...] = (*SERVING, *COUNTED, *COMPUTING, *ROOM, *_REPORTING)


def values(reading: Reading) -> dict[str, Value]:
    """Return the newest values, by name, for the state; without those that there are none of."""
    return _values(reading, "history", "state")


def history(reading: Reading) -> dict[str, Value]:
    """Return those of the values that belong into telemetry."""
    return _values(reading, "history")


def described(reading: Reading) -> dict[str, payloads.Metric]:
    """Return what the birth says of the metrics that this device has, by name; some may have no value yet."""
    return {
        metric.name: payloads.Metric(u=metric.unit, dc=metric.device_class, total=metric.kind == "counter")
        for metric in METRICS
        if metric.place != "here" and metric.there(reading)
    }


def _values(reading: Reading, *places: str) -> dict[str, Value]:
    found = ((metric.name, metric.value(reading)) for metric in METRICS if metric.place in places)
    return {name: value for name, value in found if value is not None}
