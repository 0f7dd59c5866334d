"""The metrics of the catalogue, and who the device is, as Sparkplug has them."""

from collections.abc import Iterator, Mapping

from agent.telemetry.catalogue import METRICS
from agent.telemetry.metric import Metric as Entry
from agent.telemetry.payloads import Birth, Value
from agent.telemetry.sparkplug.payload import DataType, Metric


def metrics(birth: Birth, values: Mapping[str, Value]) -> list[Metric]:
    """Return everything that the device reports on, with the newest values.

    Args:
        birth: who the device is, and which metrics it has.
        values: as in the state; what is missing has no value now.
    """
    return [*_facts(birth), *_measured(birth, values)]


def _facts(birth: Birth) -> Iterator[Metric]:
    facts = {
        "Name": birth.name,
        "Site": birth.site,
        "Agent": birth.agent,
        "Board": birth.hw.board,
        "Profile": birth.hw.profile,
        "Page": birth.ui,
    }
    for name, text in facts.items():
        yield Metric(f"Properties/{name}", DataType.STRING, text)


def _measured(birth: Birth, values: Mapping[str, Value]) -> Iterator[Metric]:
    for entry in METRICS:
        if entry.name in birth.metrics:
            yield Metric(entry.name, _type(entry), values.get(entry.name), entry.unit)


def _type(entry: Entry) -> DataType:
    """Return the type, which must be known before there is a value."""
    match entry.kind:
        case "flag":
            return DataType.BOOLEAN
        case "text":
            return DataType.STRING
        case _:
            return DataType.DOUBLE if entry.digits else DataType.INT64
