"""The catalogue of metrics: each has a name, a unit and a sentence, and no value where there is none."""

import re
from pathlib import Path

import msgspec
import pytest

from agent.metrics import Requests
from agent.state import Health
from agent.telemetry import payloads
from agent.telemetry.catalogue import METRICS, Metric, Reading, described, history, values
from tests.telemetry.readings import full, recorded

BOARDS = sorted((Path(__file__).parents[1] / "boards").glob("*/tree"))
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "metrics.md"
BASE_UNITS = ("celsius", "hertz", "watts", "joules", "bytes", "seconds", "ratio", "info", "per_second")
# Without a unit: counts of things, and flags.
COUNTED = ("requests", "tokens", "restarts", "threads", "active", "waiting", "rows", "dropped", "reconnects")
FLAGS = ("throttled", "ready", "connected")

METRIC = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
BOARD = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.parent.name)


def row(metric: Metric) -> str:
    """Return how the documentation has a metric."""
    where = {"history": "history, state", "state": "state", "here": "-"}[metric.place]
    prometheus = f"`{metric.prometheus}`" if metric.prometheus else "-"
    cells = (f"`{metric.name}`", metric.unit or "-", metric.kind, metric.device_class or "-", where, prometheus)
    return f"| {' | '.join(cells)} | {metric.help} |"


def test_names_are_unique() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    named = [metric.prometheus for metric in METRICS if metric.prometheus]
    assert len(set(named)) == len(named)


@METRIC
def test_a_metric_is_named_and_explained(metric: Metric) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", metric.name)
    assert metric.title
    assert metric.help.endswith(".")
    assert "\n" not in metric.help


@METRIC
def test_names_for_prometheus_say_the_base_unit_and_that_they_only_grow(metric: Metric) -> None:
    if metric.prometheus:
        stem, total, _ = metric.prometheus.partition("_total")
        assert stem.startswith("edgewise_")
        assert bool(total) == (metric.kind == "counter")
        assert stem.endswith((*BASE_UNITS, *COUNTED, *FLAGS))


@METRIC
def test_a_metric_is_in_the_documentation(metric: Metric) -> None:
    assert row(metric) in DOCUMENTATION.read_text(encoding="utf-8").splitlines()


def test_the_documentation_has_no_others() -> None:
    rows = [
        line
        for line in DOCUMENTATION.read_text(encoding="utf-8").splitlines()
        if line.count(" | ") == 6 and line.startswith("| `")
    ]
    assert len(rows) == len(METRICS)


def test_values_are_in_their_unit_and_rounded() -> None:
    found = values(full())
    expected = {
        "engine": "ready", "model": "qwen:Q4_K_M", "engine_restarts": 2, "ready": 1,
        "soc_temp_c": 61.2, "throttled": 1, "cpu_pct": 23.1, "cpu_mhz": 2400,
        "power_w": 5.62, "power_of": "board", "energy_wh": 2.0, "token_j": 0.708,
        "mem_used_mb": 1812, "mem_engine_mb": 1500, "psi_cpu_some": 10.0, "psi_mem_full": 1.0, "psi_io_full": 25.0,
        "disk_free_mb": 20112, "disk_written_mb": 12.3, "emmc_worn_pct": 20,
        "threads": 4, "power_pct": 75,
        "tok_s": 7.93, "answer_tok_s": 10.0, "ttft_ms": 912, "ttft_p95_ms": 3400, "active": 1, "queue_depth": 3,
        "requests": 4, "answers": 2, "errors": 1, "rejected": 5,
        "prompt_tokens": 200, "cached_tokens": 120, "completion_tokens": 42,
        "uptime_s": 3600, "outbox_rows": 12, "outbox_kb": 34, "outbox_age_s": 8, "outbox_dropped": 1,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert set(found) == {metric.name for metric in METRICS if metric.place != "here"}


def test_history_is_a_part_of_the_state() -> None:
    reading = full()
    assert set(history(reading)) < set(values(reading))
    assert history(reading).items() <= values(reading).items()


def test_the_birth_describes_every_value() -> None:
    birth = described(full())
    assert set(birth) == set(values(full()))
    assert birth["soc_temp_c"] == payloads.Metric(u="°C", dc="temperature")
    assert birth["completion_tokens"] == payloads.Metric(total=True)


@BOARD
def test_a_board_has_no_metric_that_it_cannot_measure(board: Path) -> None:
    reading = recorded(board)
    found = values(reading)
    assert None not in found.values()
    assert set(found) <= set(described(reading))
    assert {"mem_used_mb", "queue_depth", "uptime_s", "engine"} <= set(found)
    assert not {"power_w", "token_j", "emmc_worn_pct", "outbox_rows"} & set(described(reading))


def test_what_comes_with_the_first_answer_is_described_before() -> None:
    reading = Reading(Health("loading", "1.2.3"), Requests(), 0.0)
    assert {"ttft_ms", "answer_tok_s", "tok_s"} <= set(described(reading)) - set(values(reading))


def test_no_text_of_anybody_is_in_a_value() -> None:
    texts = {metric.name for metric in METRICS if metric.kind == "text"}
    assert texts == {"engine", "model", "power_of"}
    assert {name for name, value in values(full()).items() if isinstance(value, str)} == texts


def test_a_row_of_history_is_small() -> None:
    assert len(msgspec.json.encode(history(full()))) < 512
