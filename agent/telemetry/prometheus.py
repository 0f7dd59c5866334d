"""The metrics as Prometheus reads them.

Formats: https://prometheus.io/docs/instrumenting/exposition_formats (0.0.4) and
https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md (1.0.0).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agent.metrics import Histogram, Requests
from agent.telemetry.catalogue import METRICS, Metric, Reading

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_TOTAL, _INFO = "_total", "_info"
_REASONS = ("stop", "length", "cancelled")  # shown from the beginning, so that their first increase is seen
_REJECTIONS = ("queue_full", "unavailable")


@dataclass(frozen=True)
class _Family:
    """One metric with all its samples: what is added to its name, labels, and value."""

    name: str
    kind: str  # gauge, counter, histogram or info
    help: str
    samples: list[tuple[str, Mapping[str, str], float]]


def exposition(reading: Reading, *, open_metrics: bool = False) -> str:
    """Return all metrics that the device has, as text.

    Args:
        reading: what they are read from.
        open_metrics: in the format of OpenMetrics rather than the older one.
    """
    families = [
        _Family("edgewise_build", "info", "Version of Edgewise.", [(_INFO, {"version": reading.health.version}, 1)]),
        *(family for metric in METRICS if (family := _plain(metric, reading))),
        *_counted(reading.requests),
        *_histograms(reading.requests),
    ]
    lines = [line for family in families for line in _lines(family, open_metrics=open_metrics)]
    return "\n".join([*lines, "# EOF" if open_metrics else ""]) + ("\n" if open_metrics else "")


def _plain(metric: Metric, reading: Reading) -> _Family | None:
    value = metric.read(reading) if metric.prometheus else None
    if value is None:
        return None
    if isinstance(value, str):
        return _Family(metric.prometheus.removesuffix(_INFO), "info", metric.help, [(_INFO, {metric.name: value}, 1)])
    counts = metric.kind == "counter"
    name = metric.prometheus.removesuffix(_TOTAL) if counts else metric.prometheus
    return _Family(name, "counter" if counts else "gauge", metric.help, [(_TOTAL if counts else "", {}, value)])


def _counted(requests: Requests) -> Iterator[_Family]:
    """Yield what is counted by kind."""
    answered = {**dict.fromkeys(_REASONS, 0), **requests.answered}
    rejected = {**dict.fromkeys(_REJECTIONS, 0), **requests.rejected}
    yield _by("reason", answered, "edgewise_answers", "Answers that are complete, by what ended them.")
    yield _by("kind", requests.failed, "edgewise_requests_failed", "Requests that ended with an error, by its kind.")
    yield _by("reason", rejected, "edgewise_requests_rejected", "Requests that were turned away at once.")


def _by(label: str, counts: Mapping[str, int], name: str, text: str) -> _Family:
    return _Family(name, "counter", text, [(_TOTAL, {label: key}, count) for key, count in sorted(counts.items())])


def _histograms(requests: Requests) -> Iterator[_Family]:
    first = "Seconds from a request to the first token of its answer, the queue included."
    yield _histogram("edgewise_ttft_seconds", first, requests.first_token)
    yield _histogram("edgewise_queue_seconds", "Seconds that a request waited for a place.", requests.queued)
    speed = "Tokens per second that one answer got after its first token."
    yield _histogram("edgewise_answer_tokens_per_second", speed, requests.speed)


def _histogram(name: str, text: str, histogram: Histogram) -> _Family:
    buckets: list[tuple[str, Mapping[str, str], float]] = [
        ("_bucket", {"le": _number(bound)}, count) for bound, count in histogram.buckets()
    ]
    return _Family(name, "histogram", text, [*buckets, ("_sum", {}, histogram.sum), ("_count", {}, histogram.count)])


def _lines(family: _Family, *, open_metrics: bool) -> Iterator[str]:
    """Yield the lines of a family. The older format knows no info, and counters there are called as their samples."""
    name, kind = family.name, family.kind
    if not open_metrics and kind in {"counter", "info"}:
        name += _TOTAL if kind == "counter" else _INFO
        kind = "gauge" if kind == "info" else kind
    yield f"# HELP {name} {_escaped(family.help) if open_metrics else family.help}"
    yield f"# TYPE {name} {kind}"
    for suffix, labels, value in family.samples:
        text = ",".join(f'{label}="{_escaped(content)}"' for label, content in labels.items())
        yield f"{family.name}{suffix}{'{' + text + '}' if text else ''} {_number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf"
    return str(int(value)) if isinstance(value, bool) else repr(value)
