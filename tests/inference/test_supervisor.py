"""The supervisor in service: requests, the queue, and engine processes that die, hang or are told to stop."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from agent.engines import Sampling
from agent.errors import EngineDiedError, EngineUnavailableError, QueueFullError, RequestError
from agent.inference import frames
from agent.inference.supervisor import Supervisor
from tests.inference.supervising import ask, candidate, children, first_text, reached, supervising, until, whole

ENDLESS = "!delay 20 !text " + "x" * 200


async def crashed(supervisor: Supervisor, directive: str = "!crash") -> float:
    """Crash a ready engine; returns the seconds until it is loaded anew."""
    with pytest.raises(EngineDiedError):
        await whole(ask(supervisor, directive))
    died = time.monotonic()
    await reached(supervisor, "loading")
    seconds = time.monotonic() - died
    await reached(supervisor, "ready")
    return seconds


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def test_a_model_is_loaded_and_then_answers(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as supervisor:
            await reached(supervisor, "loading")
            await reached(supervisor, "ready")
            assert supervisor.status.model == "echo"
            assert supervisor.status.info is not None
            assert supervisor.status.progress == 1
            assert supervisor.pid in children()
            assert await whole(ask(supervisor, "Grüße!")) == "Grüße!"
        assert supervisor.status.state == "stopped"
        assert supervisor.pid == 0
        assert not children()

    asyncio.run(scenario())


def test_without_a_ready_model_requests_fail_at_once_and_say_when_to_ask_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as supervisor:
            await reached(supervisor, "loading")
            with pytest.raises(EngineUnavailableError) as caught:
                ask(supervisor, "x")
            assert caught.value.retry_after > 0
        with pytest.raises(EngineUnavailableError) as caught:
            ask(supervisor, "x")
        assert caught.value.retry_after == 0

    asyncio.run(scenario())


def test_without_candidates_there_is_no_model(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as supervisor:
            await supervisor.stop()
            supervisor.start([])
            await reached(supervisor, "failed")
            with pytest.raises(EngineUnavailableError, match="There is no model to run"):
                ask(supervisor, "x")

    asyncio.run(scenario())


def test_answers_do_not_mix(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as supervisor:
            await reached(supervisor, "ready")
            answers = [ask(supervisor, f"!count {n}") for n in range(1, 9)]
            assert supervisor.active == 8
            texts = await asyncio.gather(*map(whole, answers))
            assert texts == [" ".join(map(str, range(1, n + 1))) for n in range(1, 9)]
            assert supervisor.active == 0

    asyncio.run(scenario())


def test_what_the_engine_process_refuses_is_raised_here(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as supervisor:
            await reached(supervisor, "ready")
            with pytest.raises(RequestError, match="nonsense") as caught:
                await whole(ask(supervisor, "!hex nonsense"))
            assert caught.value.param == "messages"
            with pytest.raises(RequestError, match="no token 999"):
                await whole(supervisor.generate(frames.Generate(0, Sampling(), prompt=[999])))

    asyncio.run(scenario())


def test_a_cancelled_answer_ends_and_keeps_its_text(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as supervisor:
            await reached(supervisor, "ready")
            answer = ask(supervisor, ENDLESS)
            await first_text(answer)
            answer.cancel()
            answer.cancel()
            assert len(await whole(answer)) < 200
            assert await answer.events() == []
            answer.cancel()
            assert await whole(ask(supervisor, "next")) == "next"

    asyncio.run(scenario())


def test_a_reader_that_gives_up_disturbs_nobody(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as supervisor:
            await reached(supervisor, "ready")
            abandoned = ask(supervisor, "!delay 50 !text abc")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(whole(abandoned), 0.02)
            assert await whole(ask(supervisor, "other")) == "other"

    asyncio.run(scenario())


def test_a_crash_fails_every_answer_at_once_and_the_next_request_succeeds(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as supervisor:
            await reached(supervisor, "ready")
            running, waiting = ask(supervisor, ENDLESS), [ask(supervisor, ENDLESS) for _ in range(3)]
            assert set(await first_text(running)) == {"x"}
            started = time.monotonic()
            os.kill(supervisor.pid, 11)
            for answer in (running, *waiting):
                with pytest.raises(EngineDiedError, match="was ended by SIGSEGV while serving echo"):
                    await whole(answer)
            assert time.monotonic() - started < 1
            assert supervisor.active == 0
            await reached(supervisor, "ready")
            assert await whole(ask(supervisor, "again")) == "again"
            assert time.monotonic() - started < 5
            assert supervisor.status.restarts == 1

    asyncio.run(scenario())


def test_text_that_arrived_before_a_crash_is_not_lost(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as supervisor:
            await reached(supervisor, "ready")
            answer = ask(supervisor, ENDLESS)
            await until(lambda: any(isinstance(event, frames.Delta) for event in answer._events))
            os.kill(supervisor.pid, 9)
            await until(lambda: supervisor.status.restarts == 1)
            assert await first_text(answer)
            for _ in range(2):
                with pytest.raises(EngineDiedError, match="SIGKILL"):
                    await answer.events()

    asyncio.run(scenario())


def test_restarts_wait_longer_when_crashes_follow_each_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as supervisor:
            await reached(supervisor, "ready")
            first, second = await crashed(supervisor), await crashed(supervisor, "!crash 6")
            assert first < 0.5
            assert 0.9 < second < 1.9
            assert supervisor.status.restarts == 2

    asyncio.run(scenario())


def test_requests_during_a_restart_fail_with_the_reason(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as supervisor:
            await reached(supervisor, "ready")
            await crashed(supervisor)
            os.kill(supervisor.pid, 9)
            await reached(supervisor, "restarting")
            with pytest.raises(EngineUnavailableError, match="was ended by SIGKILL") as caught:
                ask(supervisor, "x")
            assert caught.value.retry_after > 0

    asyncio.run(scenario())


def test_a_hanging_engine_is_killed_and_replaced(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path, step_timeout=1.0) as supervisor:
            await reached(supervisor, "ready")
            await asyncio.sleep(1.1)  # having nothing to do is not hanging
            started = time.monotonic()
            with pytest.raises(EngineDiedError):
                await whole(ask(supervisor, "!hang"))
            assert 1.0 <= time.monotonic() - started < 2.5
            await reached(supervisor, "ready")
            assert await whole(ask(supervisor, "on")) == "on"

    asyncio.run(scenario())


def test_a_slow_engine_is_not_a_hanging_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path, candidate(parallel=1), step_timeout=1.0) as supervisor:
            await reached(supervisor, "ready")
            slow, waiting = ask(supervisor, "!delay 400 !text ab"), ask(supervisor, "waited")
            texts = await asyncio.gather(whole(slow), whole(waiting))
            assert list(texts) == ["ab", "waited"]
            assert supervisor.status.restarts == 0

    asyncio.run(scenario())


def test_a_full_queue_says_when_to_ask_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path, candidate(parallel=1), queue=1) as supervisor:
            await reached(supervisor, "ready")
            running, waiting = ask(supervisor, ENDLESS), ask(supervisor, "waited")
            with pytest.raises(QueueFullError, match="2 requests") as caught:
                ask(supervisor, "too many")
            assert 1 <= caught.value.retry_after <= 120
            running.cancel()
            assert await whole(waiting) == "waited"
            assert await whole(ask(supervisor, "fits")) == "fits"

    asyncio.run(scenario())


def test_stop_ends_every_answer_and_leaves_no_process(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as supervisor:
            await reached(supervisor, "ready")
            answers = [ask(supervisor, ENDLESS) for _ in range(4)]
            await first_text(answers[0])
            started = time.monotonic()
            await supervisor.stop()
            assert time.monotonic() - started < 1
            for answer in answers:
                with pytest.raises(EngineUnavailableError, match="shutting down"):
                    await whole(answer)
            assert not children()

    asyncio.run(scenario())


@pytest.mark.parametrize("seconds", [0, 0.001, 0.003, 0.01, 0.03, 0.1])
def test_stop_leaves_no_process_however_soon_it_comes(tmp_path: Path, seconds: float) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path):
            await asyncio.sleep(seconds)
        await until(lambda: not children(), within=0.5)

    asyncio.run(scenario())


def test_stop_does_not_wait_for_an_engine_that_hangs(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as supervisor:
            await reached(supervisor, "ready")
            ask(supervisor, "!hang")
            await asyncio.sleep(0.2)
            started = time.monotonic()
            await supervisor.stop()
            assert time.monotonic() - started < 3
            assert not children()

    asyncio.run(scenario())


def test_the_engine_process_gets_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "s3cret")
    monkeypatch.setenv("EDGEWISE_PORT", "1")

    async def scenario() -> bytes:
        async with supervising(tmp_path) as supervisor:
            await reached(supervisor, "ready")
            return environment_of(supervisor.pid)

    environment = asyncio.run(scenario())
    assert b"PATH=" in environment
    assert b"s3cret" not in environment
    assert b"EDGEWISE_" not in environment
