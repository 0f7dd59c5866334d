"""What the catalogue becomes in Sparkplug."""

from agent.telemetry.catalogue import METRICS
from agent.telemetry.payloads import Value
from agent.telemetry.sparkplug.metrics import metrics
from agent.telemetry.sparkplug.payload import Metric, encode
from tests.telemetry.home_assistant.introducing import BIRTH, EVERYTHING, birth
from tests.telemetry.sparkplug.independent import BOOLEAN, DOUBLE, INT64, STRING, by_name, value

SAMPLES: dict[str, Value] = {"gauge": 7, "counter": 7, "flag": 1, "text": "ready"}
VALUES = {metric.name: SAMPLES[metric.kind] for metric in METRICS}


def named(values: dict[str, Value]) -> dict[str, Metric]:
    return {metric.name: metric for metric in metrics(BIRTH, values)}


def test_all_metrics_of_the_birth_are_told_and_no_others() -> None:
    measured = {name for name in named(VALUES) if "/" not in name}
    assert measured == EVERYTHING.keys()
    few = metrics(birth(metrics={"tok_s": EVERYTHING["tok_s"]}), VALUES)
    assert [metric.name for metric in few if "/" not in metric.name] == ["tok_s"]


def test_a_type_does_not_depend_on_whether_there_is_a_value() -> None:
    known, unknown = named(VALUES), named({})
    assert {name: metric.type for name, metric in known.items()} == {
        name: metric.type for name, metric in unknown.items()
    }
    assert all(unknown[name].value is None for name in EVERYTHING)


def test_types_follow_the_kind() -> None:
    told = by_name(encode(BIRTH.ts, metrics(BIRTH, VALUES), 0))
    found = {
        name: (told[name].datatype, value(told[name])) for name in ("soc_temp_c", "queue_depth", "throttled", "engine")
    }
    assert found == {
        "soc_temp_c": (DOUBLE, 7.0),
        "queue_depth": (INT64, 7),
        "throttled": (BOOLEAN, True),
        "engine": (STRING, "ready"),
    }
    assert told["soc_temp_c"].properties.values[0].string_value == "°C"


def test_the_device_says_who_it_is() -> None:
    told = by_name(encode(BIRTH.ts, metrics(BIRTH, {}), 0))
    facts = {name: value(metric) for name, metric in told.items() if name.startswith("Properties/")}
    assert facts == {
        "Properties/Name": "Kitchen Pi",
        "Properties/Site": "lab-2",
        "Properties/Agent": "0.5.0",
        "Properties/Board": "Raspberry Pi 5 Model B Rev 1.0",
        "Properties/Profile": "rpi5-8g",
        "Properties/Page": "http://192.168.1.5:8080/",
    }
