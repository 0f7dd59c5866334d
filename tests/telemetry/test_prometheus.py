"""What Prometheus gets, as its own client library reads it."""

from prometheus_client import Metric
from prometheus_client.openmetrics import parser as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from agent.metrics import Requests
from agent.state import Health
from agent.telemetry.prometheus import exposition
from agent.telemetry.reading import Reading
from tests.telemetry.readings import READY, full, served

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def families(reading: Reading) -> list[Metric]:
    return list(text_string_to_metric_families(exposition(reading)))


def strictly(reading: Reading) -> list[Metric]:
    text = exposition(reading, open_metrics=True)
    return list(open_metrics.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]


def samples(metrics: list[Metric]) -> Samples:
    """Return the values by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value for metric in metrics for sample in metric.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def test_values_are_in_base_units() -> None:
    found = samples(families(full()))
    assert value(found, "edgewise_temperature_celsius") == 61.24
    assert value(found, "edgewise_memory_used_bytes") == 1_812_000_000
    assert value(found, "edgewise_cpu_busy_ratio") == 0.231
    assert value(found, "edgewise_cpu_frequency_hertz") == 2.4e9
    assert value(found, "edgewise_energy_joules_total") == 7200
    assert value(found, "edgewise_throttled") == 1
    assert value(found, "edgewise_mqtt_connected") == 1


def test_what_is_known_by_kind_has_labels() -> None:
    found = samples(families(full()))
    assert value(found, "edgewise_answers_total", reason="stop") == 2
    assert value(found, "edgewise_answers_total", reason="cancelled") == 0
    assert value(found, "edgewise_requests_failed_total", kind="ContextOverflowError") == 1
    assert value(found, "edgewise_requests_rejected_total", reason="queue_full") == 5
    assert value(found, "edgewise_build_info", version="1.2.3") == 1
    assert value(found, "edgewise_model_info", model="qwen:Q4_K_M") == 1
    assert value(found, "edgewise_engine_info", engine="ready") == 1


def test_histograms_are_cumulative_and_whole() -> None:
    found = samples(families(full()))
    assert value(found, "edgewise_ttft_seconds_bucket", le="1.0") == 1
    assert value(found, "edgewise_ttft_seconds_bucket", le="5.0") == 2
    assert value(found, "edgewise_ttft_seconds_bucket", le="+Inf") == value(found, "edgewise_ttft_seconds_count") == 2
    assert value(found, "edgewise_ttft_seconds_sum") == 0.912 + 3.4
    assert value(found, "edgewise_queue_seconds_bucket", le="0.1") == 1


def test_types_are_those_that_a_reader_needs() -> None:
    kinds = {metric.name: metric.type for metric in families(full())}
    assert kinds["edgewise_ttft_seconds"] == "histogram"
    assert kinds["edgewise_requests"] == kinds["edgewise_completion_tokens"] == "counter"
    assert kinds["edgewise_power_watts"] == "gauge"
    assert all(metric.documentation for metric in families(full()))


def test_both_formats_say_the_same() -> None:
    assert samples(strictly(full())) == samples(families(full()))


def test_what_the_device_has_not_is_left_out() -> None:
    found = samples(families(Reading(Health("loading", "1.2.3"), Requests(), 0.0)))
    assert ("edgewise_power_watts", frozenset()) not in found
    assert ("edgewise_outbox_rows", frozenset()) not in found
    assert value(found, "edgewise_ready") == 0


def test_a_name_with_quotes_stays_one_label() -> None:
    name = 'a"b\\c\nd'
    health = Health("ok", READY.version, model=name)
    reading = Reading(health, served(), 0.0)
    assert value(samples(families(reading)), "edgewise_model_info", model=name) == 1
    assert value(samples(strictly(reading)), "edgewise_model_info", model=name) == 1
