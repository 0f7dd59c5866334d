"""The payloads of Sparkplug B: metrics with a name, a type and a value.

Source: chapter 6 of the Sparkplug Specification 3.0.0, https://sparkplug.eclipse.org/specification/version/3.0/.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from agent.telemetry.sparkplug.protobuf import content, double, fields, number

BD_SEQ = "bdSeq"
REBIRTH = "Node Control/Rebirth"

Content: TypeAlias = int | float | bool | str | None


class DataType(IntEnum):
    """The types of values that we send, of the 34 that there are."""

    INT64 = 4
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12


@dataclass(frozen=True)
class Metric:
    """A value at a moment.

    Attributes:
        value: None: there is none now.
        unit: told as property `engUnit`, as other edge nodes do.
    """

    name: str
    type: DataType
    value: Content
    unit: str = ""


class _InPayload:
    """Numbers of the fields of a payload."""

    TIMESTAMP, METRIC, SEQ = 1, 2, 3


class _InMetric:
    """Numbers of the fields of a metric."""

    NAME, TIMESTAMP, TYPE, IS_NULL, PROPERTIES = 1, 3, 4, 7, 9
    LONG, DOUBLE, BOOLEAN, STRING = 11, 13, 14, 15


class _InProperties:
    """Numbers of the fields of a set of properties, and of a property."""

    KEY, VALUE = 1, 2
    TYPE, STRING = 1, 8


def encode(timestamp: int, metrics: Iterable[Metric], seq: int | None) -> bytes:
    """Return a payload.

    Args:
        timestamp: of the payload and of all its metrics, in milliseconds since 1970, UTC.
        metrics: what it tells.
        seq: number of the message in its session, from 0 to 255; None: it has none, as a death has not.
    """
    parts = [number(_InPayload.TIMESTAMP, timestamp)]
    parts += [content(_InPayload.METRIC, _metric(metric, timestamp)) for metric in metrics]
    if seq is not None:
        parts.append(number(_InPayload.SEQ, seq))
    return b"".join(parts)


def wants_rebirth(payload: bytes) -> bool:
    """Tell whether a command asks for a new birth: other metrics cannot be written.

    Raises:
        InputError: it is malformed.
    """
    metrics = [part for field, part in fields(payload) if field == _InPayload.METRIC and isinstance(part, bytes)]
    return any(_is_rebirth(metric) for metric in metrics)


def _is_rebirth(metric: bytes) -> bool:
    found = dict(fields(metric))
    return found.get(_InMetric.NAME) == REBIRTH.encode() and bool(found.get(_InMetric.BOOLEAN))


def _metric(metric: Metric, timestamp: int) -> bytes:
    head = content(_InMetric.NAME, metric.name) + number(_InMetric.TIMESTAMP, timestamp)
    head += number(_InMetric.TYPE, metric.type)
    unit = content(_InMetric.PROPERTIES, _unit(metric.unit)) if metric.unit else b""
    return head + (number(_InMetric.IS_NULL, 1) if metric.value is None else b"") + unit + _value(metric)


def _value(metric: Metric) -> bytes:
    value = metric.value
    if value is None:
        return b""
    match metric.type:
        case DataType.INT64:
            return number(_InMetric.LONG, int(value))
        case DataType.DOUBLE:
            return double(_InMetric.DOUBLE, float(value))
        case DataType.BOOLEAN:
            return number(_InMetric.BOOLEAN, bool(value))
        case DataType.STRING:
            return content(_InMetric.STRING, str(value))


def _unit(unit: str) -> bytes:
    value = number(_InProperties.TYPE, DataType.STRING) + content(_InProperties.STRING, unit)
    return content(_InProperties.KEY, "engUnit") + content(_InProperties.VALUE, value)
