"""Metrics of the engine and of what it is asked."""

from collections.abc import Callable

from agent.metrics import Histogram
from agent.telemetry.metric import MILLI, PER_CENT, Metric, always, seen
from agent.telemetry.reading import Reading


def _latest(histogram: Callable[[Reading], Histogram], share: float) -> Callable[[Reading], float | None]:
    return lambda reading: histogram(reading).recent(share)


SERVING = (
    Metric(
        "engine",
        "Engine",
        "What the engine does: ready, loading, downloading, restarting or failed.",
        lambda reading: "ready" if reading.health.status == "ok" else reading.health.status,
        kind="text",
        prometheus="edgewise_engine_info",
        place="state",
    ),
    Metric(
        "ready",
        "Ready",
        "Whether a model is loaded and answers.",
        lambda reading: reading.health.status == "ok",
        kind="flag",
        device_class="running",
        prometheus="edgewise_ready",
        place="state",
    ),
    Metric(
        "model",
        "Model",
        "The model that answers, or that is being loaded or downloaded.",
        lambda reading: reading.health.model or None,
        kind="text",
        prometheus="edgewise_model_info",
        place="state",
        has=always,
    ),
    Metric(
        "engine_restarts",
        "Engine restarts",
        "How often the engine process was started again after it had died.",
        lambda reading: reading.health.restarts,
        kind="counter",
        prometheus="edgewise_engine_restarts_total",
        place="state",
    ),
    Metric(
        "threads",
        "Threads",
        "Threads with which the engine computes now.",
        lambda reading: reading.governed.threads or None,
        prometheus="edgewise_engine_threads",
        place="state",
        has=always,
    ),
    Metric(
        "power_pct",
        "Power in use",
        "Share of its power that the engine may use; less than all when it is hot, or the supply of power is weak.",
        lambda reading: reading.governed.share,
        unit="%",
        per=PER_CENT,
        prometheus="edgewise_engine_power_ratio",
    ),
    Metric(
        "tok_s",
        "Tokens per second",
        "Tokens decoded per second since the last look, by all answers together; 0 while nothing is answered.",
        seen(lambda sample: sample.rate),
        unit="tok/s",
        digits=2,
        prometheus="edgewise_tokens_per_second",
        has=always,
    ),
    Metric(
        "answer_tok_s",
        "Tokens per second of an answer",
        "Tokens per second that one answer gets after its first token, median of the latest 50 answers.",
        _latest(lambda reading: reading.requests.speed, 0.5),
        unit="tok/s",
        digits=2,
        place="state",
        has=always,
    ),
    Metric(
        "ttft_ms",
        "Time to first token",
        "Time from a request to the first token of its answer, the queue included, median of the latest 50.",
        _latest(lambda reading: reading.requests.first_token, 0.5),
        unit="ms",
        per=MILLI,
        device_class="duration",
        has=always,
    ),
    Metric(
        "ttft_p95_ms",
        "Time to first token, 95 %",
        "Time to the first token that 95 % of the latest 50 answers did not exceed.",
        _latest(lambda reading: reading.requests.first_token, 0.95),
        unit="ms",
        per=MILLI,
        device_class="duration",
        place="state",
        has=always,
    ),
    Metric(
        "active",
        "Answers in progress",
        "Requests that are being answered now.",
        seen(lambda sample: sample.active),
        prometheus="edgewise_requests_active",
    ),
    Metric(
        "queue_depth",
        "Queue",
        "Requests that wait for a place.",
        seen(lambda sample: sample.waiting),
        prometheus="edgewise_requests_waiting",
    ),
)

COUNTED = (
    Metric(
        "requests",
        "Requests",
        "Requests that the engine was given.",
        lambda reading: reading.requests.started,
        kind="counter",
        prometheus="edgewise_requests_total",
    ),
    Metric(
        "answers",
        "Answers",
        "Answers that are complete, or were ended by whoever had asked.",
        lambda reading: reading.requests.answered.total(),
        kind="counter",
        place="state",
    ),
    Metric(
        "errors",
        "Errors",
        "Requests that ended with an error.",
        lambda reading: reading.requests.failed.total(),
        kind="counter",
    ),
    Metric(
        "rejected",
        "Requests turned away",
        "Requests that were turned away at once, since the queue was full or no model was ready.",
        lambda reading: reading.requests.rejected.total(),
        kind="counter",
    ),
    Metric(
        "prompt_tokens",
        "Prompt tokens",
        "Tokens of all prompts.",
        lambda reading: reading.requests.prompt,
        kind="counter",
        prometheus="edgewise_prompt_tokens_total",
        place="state",
    ),
    Metric(
        "cached_tokens",
        "Cached prompt tokens",
        "Tokens of prompts that were known from before and did not have to be computed.",
        lambda reading: reading.requests.cached,
        kind="counter",
        prometheus="edgewise_cached_tokens_total",
        place="state",
    ),
    Metric(
        "completion_tokens",
        "Answer tokens",
        "Tokens of all answers that are complete.",
        lambda reading: reading.requests.completion,
        kind="counter",
        prometheus="edgewise_completion_tokens_total",
    ),
)
