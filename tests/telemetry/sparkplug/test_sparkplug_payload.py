"""What we encode, as an independent library reads it, and the other way round."""

import struct
from contextlib import suppress

import pytest

from agent.errors import InputError
from agent.telemetry.sparkplug.payload import Content, DataType, Metric, encode, wants_rebirth
from agent.telemetry.sparkplug.protobuf import fields
from tests.telemetry.sparkplug.independent import BOOLEAN, DOUBLE, INT64, STRING, by_name, command, decoded, value

NOW = 1_795_289_861_000
REBIRTH = "Node Control/Rebirth"
TWO_WISHES = command(("Node Control/Reboot", False), (REBIRTH, True))


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (DataType.INT64, 0),
        (DataType.INT64, 127),
        (DataType.INT64, 128),
        (DataType.INT64, 2**63 - 1),
        (DataType.INT64, -1),
        (DataType.INT64, -(2**63)),
        (DataType.DOUBLE, 0.0),
        (DataType.DOUBLE, -61.25),
        (DataType.DOUBLE, 1e300),
        (DataType.BOOLEAN, True),
        (DataType.BOOLEAN, False),
        (DataType.STRING, ""),
        (DataType.STRING, "Küche 厨房 " + "x" * 300),
        (DataType.STRING, None),
        (DataType.INT64, None),
    ],
)
def test_a_value_is_read_as_it_was_written(kind: DataType, content: Content) -> None:
    metric = by_name(encode(NOW, [Metric("m", kind, content)], 7))["m"]
    assert metric.datatype == kind
    assert value(metric) == content


def test_our_types_have_the_numbers_of_the_specification() -> None:
    assert (DataType.INT64, DataType.DOUBLE, DataType.BOOLEAN, DataType.STRING) == (INT64, DOUBLE, BOOLEAN, STRING)


def test_a_unit_is_a_property_that_hosts_know() -> None:
    metric = by_name(encode(NOW, [Metric("m", DataType.DOUBLE, 61.2, "°C")], 7))["m"]
    assert list(metric.properties.keys) == ["engUnit"]
    assert [(value.type, value.string_value) for value in metric.properties.values] == [(STRING, "°C")]


def test_a_number_may_be_missing_and_zero_is_not_missing() -> None:
    assert not decoded(encode(NOW, [], None)).HasField("seq")
    assert decoded(encode(NOW, [], 0)).HasField("seq")


@pytest.mark.parametrize(
    ("payload", "wanted"),
    [
        (command((REBIRTH, True)), True),
        (command(("Node Control/Reboot", True), (REBIRTH, True)), True),
        (command((REBIRTH, False)), False),
        (command(("Node Control/Reboot", True)), False),
        (command(), False),
        (b"", False),
    ],
)
def test_only_a_rebirth_that_is_true_is_a_wish_for_it(payload: bytes, *, wanted: bool) -> None:
    assert wants_rebirth(payload) is wanted


def test_fields_of_all_kinds_are_passed_over() -> None:
    others = bytes([13 << 3 | 1]) + struct.pack("<d", 1.5) + bytes([12 << 3 | 5]) + struct.pack("<f", 1.5)
    assert wants_rebirth(others + command((REBIRTH, True)))


@pytest.mark.parametrize("payload", [b"\x12\x05abc", b"\x80" * 12, b"\x08", b"\x0b", b"\x09\x00", b"\x12\xff\xff\x7f"])
def test_nonsense_is_refused_with_a_sentence(payload: bytes) -> None:
    with pytest.raises(InputError, match="The message"):
        list(fields(payload))


@pytest.mark.parametrize("end", range(1, len(TWO_WISHES)))
def test_a_command_that_was_cut_off_is_refused_or_wishes_nothing(end: int) -> None:
    with suppress(InputError):
        assert not wants_rebirth(TWO_WISHES[:end])
