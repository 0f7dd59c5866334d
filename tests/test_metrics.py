"""What became of the requests, as it is counted."""

import math

import msgspec
import pytest

from agent.errors import EngineDiedError, EngineUnavailableError, QueueFullError
from agent.inference import frames
from agent.inference.answer import Answer
from agent.inference.pending import Pending
from agent.metrics import Histogram, Requests

TIMINGS = frames.Timings(prompt=8, cached=2, completion=5, queued=0.5, prefill=1.0, decode=2.0)


def begun(*numbers: int) -> Pending:
    pending = Pending()
    for number in numbers:
        pending.add(Answer(number, lambda _: None))
    return pending


def test_a_value_counts_in_its_bucket_and_in_all_larger_ones() -> None:
    histogram = Histogram([1.0, 2.0])
    for value in (0.5, 1.0, 1.5, 7.0):
        histogram.observe(value)
    assert histogram.buckets() == [(1.0, 2), (2.0, 3), (math.inf, 4)]
    assert (histogram.count, histogram.sum) == (4, 10.0)


def test_quantiles_are_those_of_the_latest_values() -> None:
    histogram = Histogram([1.0])
    assert histogram.recent(0.5) is None
    for value in (*[900.0] * 50, *range(1, 51)):
        histogram.observe(value)
    assert histogram.recent(0.5) == 25
    assert histogram.recent(0.95) == 48
    assert histogram.recent(1.0) == 50


def test_an_answer_adds_its_tokens_and_times() -> None:
    pending = begun(1)
    pending.dispatch(frames.Finished(1, "stop", "", TIMINGS))
    requests = pending.requests
    assert (requests.started, requests.answered) == (1, {"stop": 1})
    assert (requests.prompt, requests.cached, requests.completion) == (8, 2, 5)
    assert (requests.first_token.sum, requests.queued.sum, requests.speed.sum) == (1.5, 0.5, 2.0)


def test_an_answer_that_was_cancelled_before_its_first_token_has_no_times() -> None:
    requests = Requests()
    requests.answer("cancelled", msgspec.structs.replace(TIMINGS, completion=0, decode=0.0))
    assert requests.answered == {"cancelled": 1}
    assert requests.first_token.count == requests.queued.count == requests.speed.count == 0


def test_failures_count_by_kind_each_once() -> None:
    pending = begun(1, 2, 3)
    pending.dispatch(frames.Failed(1, "ContextOverflowError", "Too long.", "", "prompt"))
    pending.fail(EngineDiedError("It died."))
    pending.dispatch(frames.Failed(2, "RequestError", "Late.", "", ""))
    assert pending.requests.failed == {"ContextOverflowError": 1, "EngineDiedError": 2}


@pytest.mark.parametrize(
    ("error", "reason"),
    [(QueueFullError("Full.", retry_after=1), "queue_full"), (EngineUnavailableError("Loading."), "unavailable")],
)
def test_what_is_turned_away_counts_and_is_still_told(error: Exception, reason: str) -> None:
    requests = Requests()
    with pytest.raises(type(error)), requests.admission():
        raise error
    assert requests.rejected == {reason: 1}
    assert requests.started == 0
