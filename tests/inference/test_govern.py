"""An engine that is to work less: by fewer threads, by rests, and without what it keeps for later."""

import asyncio
import time
from pathlib import Path

import pytest

from agent.engines import Sampling
from agent.inference import frames, shares
from agent.inference.candidate import Candidate
from agent.inference.pacing import Pacing
from agent.plan import Plan
from tests.inference.supervising import ask, candidate, children, reached, supervising, until, whole
from tests.inference.wire import Wire, chat, end_of, engine_process, text_of

STEPS = "!delay 10 !count 12"  # 26 bytes, one a step
TIMINGS = frames.Timings(prompt=10, cached=0, completion=10, queued=0.0, prefill=0.5, decode=1.5)


@pytest.mark.parametrize("of", [1, 2, 3, 4, 6, 8, 64])
@pytest.mark.parametrize("share", shares.SHARES)
def test_threads_and_rests_together_leave_the_share_that_is_wanted(share: float, of: int) -> None:
    computing = shares.threads(share, of)
    working = 1 / (1 + shares.rest(share, of, computing))
    assert 1 <= computing <= of
    assert computing / of * working <= share + 1e-9 or share == 1
    assert computing / of * working >= 0.6 * share
    assert shares.rest(share, of, of) == pytest.approx(1 / share - 1)


def seconds(wire: Wire, number: int, share: float) -> float:
    """Return how long an answer takes at a share of the power."""
    wire.send(frames.Govern(share))
    governed = wire.receive()
    assert isinstance(governed, frames.Governed)
    assert governed.threads == 1
    assert governed.rest == pytest.approx(1 / share - 1)
    begun = time.perf_counter()
    assert text_of(wire.ask(chat(number, STEPS))[number]).endswith("12")
    return time.perf_counter() - begun


def test_an_engine_that_cannot_change_its_threads_rests_between_steps() -> None:
    with engine_process() as wire:
        wire.load()
        assert seconds(wire, 1, 0.25) >= 1.0  # 26 steps of 10 ms, and three times as much rest
        assert min(seconds(wire, number, 1.0) for number in (2, 3, 4)) < 0.9


def test_who_stops_an_answer_does_not_wait_for_the_rest() -> None:
    with engine_process() as wire:
        wire.load()
        wire.send(frames.Govern(0.25), chat(1, "!delay 500 !count 99"))
        assert isinstance(wire.receive(), frames.Governed)
        wire.until(frames.Delta, 1)
        time.sleep(0.4)  # in the middle of the rest, which is 1.5
        begun = time.perf_counter()
        wire.send(frames.Cancel(1))
        end = end_of(wire.finish(1)[1])
    assert end.reason == "cancelled"
    assert time.perf_counter() - begun < 0.9


def test_a_new_process_is_told_what_the_old_one_was(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as supervisor:
            supervisor.govern(frames.Govern(0.5))
            await reached(supervisor, "ready")
            await until(lambda: supervisor.pacing.threads == 1)
            supervisor.pacing.threads = 0
            before = supervisor.pid
            await supervisor.restart(0)
            await until(lambda: supervisor.pid not in {0, before} and supervisor.pacing.threads == 1)
            assert supervisor.pid in children()
            supervisor.govern(frames.Govern())
            assert supervisor.pacing.threads == 0
            assert await whole(ask(supervisor, "hello")) == "hello"

    asyncio.run(scenario())


def test_nothing_is_learnt_from_an_answer_that_was_slowed_down(tmp_path: Path) -> None:
    learnt: list[frames.Timings] = []

    def learn(_: Candidate, timings: frames.Timings) -> None:
        learnt.append(timings)

    async def scenario() -> None:
        async with supervising(tmp_path, candidate()) as supervisor:
            supervisor.on_speed = learn
            await reached(supervisor, "ready")
            await whole(ask(supervisor, "!count 9"))
            assert len(learnt) == 1
            supervisor.govern(frames.Govern(0.5))
            await whole(ask(supervisor, "!count 9"))
            assert len(learnt) == 1

    asyncio.run(scenario())


def test_an_answer_that_began_before_the_end_of_a_slow_time_was_slowed_down() -> None:
    pacing = Pacing()
    assert not pacing.slowed(TIMINGS)
    assert pacing.tell(frames.Govern(0.5))
    assert not pacing.tell(frames.Govern(0.5))
    assert pacing.slowed(TIMINGS)
    assert pacing.tell(frames.Govern(1.0, conversations=False))
    assert pacing.slowed(TIMINGS)


@pytest.mark.slow
def test_llama_cpp_computes_with_fewer_threads_and_answers_the_same(starter: Path) -> None:
    question = frames.Generate(1, Sampling(temperature=0), prompt="1, 2, 3, 4, 5, 6, 7,", max_tokens=8)
    with engine_process("llama_cpp") as wire:
        wire.send(frames.Load(str(starter), Plan(256, 1, 2, 64), extra_buffers=True))
        while not isinstance(wire.receive(), frames.Loaded):
            pass
        both = text_of(wire.ask(question)[1])
        wire.send(frames.Govern(0.5))
        assert wire.receive() == frames.Governed(threads=1, rest=0.0)
        assert text_of(wire.ask(question)[1]) == both
