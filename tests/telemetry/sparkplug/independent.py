"""Payloads as Google's library reads and writes them.

The fields are those that chapter 6.4 of the Sparkplug Specification 3.0.0 gives to payloads, as far as an edge node of
ours can meet them; parsing fails on nothing, so `strict` is what says that no other fields were sent.
"""

from collections.abc import Sequence
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.unknown_fields import UnknownFieldSet

_Kind = descriptor_pb2.FieldDescriptorProto
_U32, _U64, _BOOL = _Kind.TYPE_UINT32, _Kind.TYPE_UINT64, _Kind.TYPE_BOOL
_FLOAT, _DOUBLE, _TEXT, _BYTES = _Kind.TYPE_FLOAT, _Kind.TYPE_DOUBLE, _Kind.TYPE_STRING, _Kind.TYPE_BYTES

INT64, DOUBLE, BOOLEAN, STRING = 4, 10, 11, 12

# Of each message: name of the field, its number, its type or the message that it is, and whether it is repeated.
_MESSAGES: dict[str, list[tuple[str, int, int | str, bool]]] = {
    "Payload": [
        ("timestamp", 1, _U64, False),
        ("metrics", 2, "Metric", True),
        ("seq", 3, _U64, False),
        ("uuid", 4, _TEXT, False),
        ("body", 5, _BYTES, False),
    ],
    "Metric": [
        ("name", 1, _TEXT, False),
        ("alias", 2, _U64, False),
        ("timestamp", 3, _U64, False),
        ("datatype", 4, _U32, False),
        ("is_historical", 5, _BOOL, False),
        ("is_transient", 6, _BOOL, False),
        ("is_null", 7, _BOOL, False),
        ("properties", 9, "PropertySet", False),
        ("int_value", 10, _U32, False),
        ("long_value", 11, _U64, False),
        ("float_value", 12, _FLOAT, False),
        ("double_value", 13, _DOUBLE, False),
        ("boolean_value", 14, _BOOL, False),
        ("string_value", 15, _TEXT, False),
        ("bytes_value", 16, _BYTES, False),
    ],
    "PropertySet": [("keys", 1, _TEXT, True), ("values", 2, "PropertyValue", True)],
    "PropertyValue": [("type", 1, _U32, False), ("is_null", 2, _BOOL, False), ("string_value", 8, _TEXT, False)],
}
_VALUES = {INT64: "long_value", DOUBLE: "double_value", BOOLEAN: "boolean_value", STRING: "string_value"}


def _load() -> Any:  # noqa: ANN401 - a class that is made while the tests run
    file = descriptor_pb2.FileDescriptorProto(name="payload.proto", package="spb", syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for title, number, kind, repeated in fields:
            label = _Kind.LABEL_REPEATED if repeated else _Kind.LABEL_OPTIONAL
            field = message.field.add(name=title, number=number, label=label)
            if isinstance(kind, str):
                field.type, field.type_name = _Kind.TYPE_MESSAGE, f".spb.{kind}"
            else:
                field.type = _Kind.Type.ValueType(kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("spb.Payload"))


_Payload = _load()


def decoded(data: bytes) -> Any:  # noqa: ANN401 - see above
    """Return a payload, all of whose fields are known."""
    payload = _Payload.FromString(data)
    _strict(payload)
    for metric in payload.metrics:
        _strict(metric)
        _strict(metric.properties)
    return payload


def by_name(data: bytes) -> dict[str, Any]:
    """Return the metrics of a payload."""
    return {metric.name: metric for metric in decoded(data).metrics}


def value(metric: Any) -> Any:  # noqa: ANN401 - see above
    """Return the value of a metric, from the one field that its type names; None: it says that it has none."""
    given = [
        field for field in (*_VALUES.values(), "int_value", "float_value", "bytes_value") if metric.HasField(field)
    ]
    if metric.is_null:
        assert not given
        return None
    assert given == [_VALUES[metric.datatype]]
    found = getattr(metric, given[0])
    return found - (1 << 64) if metric.datatype == INT64 and found >= 1 << 63 else found


def command(*metrics: tuple[str, bool], timestamp: int = 1_795_289_861_000) -> bytes:
    """Return an NCMD as a host application sends one."""
    payload = _Payload(timestamp=timestamp)
    for name, wish in metrics:
        payload.metrics.add(name=name, timestamp=timestamp, datatype=BOOLEAN, boolean_value=wish)
    return bytes(payload.SerializeToString())


def sequence(payloads: Sequence[bytes]) -> list[int]:
    """Return the numbers of messages in their session."""
    return [decoded(payload).seq for payload in payloads]


def _strict(message: Any) -> None:  # noqa: ANN401 - see above
    assert len(UnknownFieldSet(message)) == 0
