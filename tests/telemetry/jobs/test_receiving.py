"""What the hub sends: taken in once, one at a time, changed and cancelled."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from agent.config import Config
from agent.telemetry.jobs import jobs
from tests.stewarding import until
from tests.telemetry.jobs.device import NEW, OLD, Hub, running, update

LATER = {"window": "02:00-02:01"}


@pytest.fixture(autouse=True)
def in_greenwich(greenwich: None) -> None:
    """The tests' clock stands at 22:26:40 there."""


UNREADABLE = [
    (b"rubbish", "The job cannot be read: JSON is malformed"),
    (b'{"a":' * 10_000, "The job cannot be read"),
    (b"{}", "missing required field"),
    (b'{"type": "agent_update", "artifact": {}}', "$.type"),
    (b'{"type": "model_update", "artifact": {}, "window": "25:00-26:00"}', "$.window"),
    (b'{"type": "model_update", "artifact": {}, "health": {"timeout_s": 0}}', "$.health.timeout_s"),
    (b'"' + b"x" * (256 << 10) + b'"', "of at most 262144"),
]


def test_a_job_that_cannot_be_read_has_failed_and_says_why(config: Config) -> None:
    async def scenario() -> None:
        async with running(config, serving="") as device:
            for number, (payload, reason) in enumerate(UNREADABLE):
                await device.jobs.received(f"j{number}", payload)
                end = await device.ends(f"j{number}")
                assert (end.state, end.rev) == ("failed", 0)
                assert reason in end.msg

    asyncio.run(scenario())


def test_a_job_that_comes_again_is_not_done_again_but_told_again(home: Path, config: Config) -> None:
    job = update(home / "new.gguf")

    async def scenario() -> None:
        async with running(config) as device:
            await device.send(job)
            await device.ends()
        async with running(config, serving=NEW) as device:
            device.node.use_model(OLD)
            await until(lambda: device.node.names() == [OLD])
            await device.send(job)
            assert (await device.ends()).state == "successful"
            assert device.jobs.states == []
            assert device.node.names() == [OLD]

    asyncio.run(scenario())


def test_a_newer_revision_of_a_job_that_has_ended_is_done(home: Path, config: Config) -> None:
    async def scenario() -> None:
        async with running(config) as device:
            await device.send(update(home / "new.gguf", health={"min_tok_s": 1e9}))
            assert (await device.ends()).state == "rolled_back"
            device.hub.sent.clear()
            await device.send(update(home / "new.gguf", rev=2))
            end = await device.ends()
            assert (end.state, end.rev) == ("successful", 2)

    asyncio.run(scenario())


def test_a_newer_revision_takes_the_place_of_one_in_progress(home: Path, config: Config) -> None:
    async def scenario() -> None:
        async with running(config) as device:
            await device.send(update(home / "new.gguf", **LATER))
            await device.reaches("waiting")
            await device.send(update(home / "new.gguf", rev=2))
            await until(lambda: device.node.names() == [NEW])
            await device.reaches("successful")
            assert device.jobs.states[:2] == ["waiting", "canceled"]
            assert [status.rev for _, status in device.jobs.listed()] == [2]

    asyncio.run(scenario())


def test_jobs_are_done_one_after_the_other(home: Path, config: Config) -> None:
    async def scenario() -> None:
        async with running(config) as device:
            await device.send(update(home / "new.gguf"), "j1")
            await device.send(update(home / "old.gguf"), "j2")
            await device.ends("j2")
            assert (await device.ends("j1")).state == "successful"
            assert device.node.names() == [OLD]
            assert device.jobs.states.index("successful") < device.jobs.states.index("verify", 2)

    asyncio.run(scenario())


def test_a_job_waits_for_its_time_of_day(home: Path, config: Config) -> None:
    async def scenario() -> None:
        async with running(config) as device:
            await device.send(update(home / "new.gguf", window="22:40-23:00"))
            await device.reaches("waiting")
            await until(lambda: device.hub.last().msg == "The model may change at 22:40-23:00.")
            told = len(device.hub.sent)
            device.time.pass_by(12 * 60)
            await asyncio.sleep(0.2)
            assert dict(device.jobs.listed())["j1"].state == "waiting"
            assert len(device.hub.sent) == told
            device.time.pass_by(2 * 60)
            assert (await device.ends()).state == "successful"

    asyncio.run(scenario())


def test_windows_that_never_meet_are_refused(home: Path, config: Config) -> None:
    async def scenario() -> None:
        async with running(config) as device:
            device.node.config = msgspec.structs.replace(device.node.config, mqtt_window="04:00-05:00")
            await device.send(update(home / "new.gguf", **LATER))
            assert "have no time of day in common" in (await device.ends()).msg

    asyncio.run(scenario())


def test_a_job_that_is_cleared_while_it_waits_is_cancelled_and_forgotten(home: Path, config: Config) -> None:
    async def scenario() -> None:
        async with running(config) as device:
            await device.send(update(home / "new.gguf", **LATER), "j1")
            await device.send(update(home / "new.gguf"), "j2")
            await device.reaches("waiting")
            await device.jobs.received("j2", b"")
            assert (await device.ends("j2")).state == "canceled"
            await device.jobs.received("j1", b"")
            assert (await device.ends("j1")).state == "canceled"
            await until(lambda: device.jobs.listed() == [])
        async with running(config) as device:
            assert device.jobs.listed() == []
            assert (device.installed(), device.chosen()) == ([OLD], "")

    asyncio.run(scenario())


def test_a_job_that_is_cleared_on_trial_goes_back(home: Path, config: Config) -> None:
    long = {"health": {"prompts": [{"ask": "Say a lot."}] * 32}}

    async def scenario() -> None:
        async with running(config) as device:
            await device.send(update(home / "new.gguf", **long))
            await device.reaches("health")
            await device.jobs.received("j1", b"")
            assert (await device.ends()).state == "canceled"
            assert device.jobs.states[-2:] == ["rollback", "canceled"]
            assert device.node.names() == [OLD]
            assert (device.installed(), device.chosen()) == ([OLD], "")

    asyncio.run(scenario())


def test_a_job_that_has_ended_is_forgotten_when_it_is_cleared(home: Path, config: Config) -> None:
    async def scenario() -> None:
        async with running(config) as device:
            await device.send(update(home / "old.gguf"))
            await device.ends()
            await device.jobs.received("j1", b"")
            assert device.jobs.listed() == []

    asyncio.run(scenario())


def test_the_end_is_told_by_the_next_connection_also_after_a_restart(home: Path, config: Config) -> None:
    async def scenario() -> None:
        async with running(config) as device:
            device.hub.connected = False
            await device.send(update(home / "old.gguf"))
            await device.reaches("successful")
            assert device.hub.sent == []
            again = Hub()
            task = asyncio.create_task(device.jobs.run(again))
            again.connected = False
            await task
        async with running(config) as device:
            assert (await device.ends()).state == "successful"
            await asyncio.sleep(0.1)
        async with running(config) as device:
            await asyncio.sleep(0.1)
            assert device.hub.sent == []

    asyncio.run(scenario())


def test_the_end_of_each_job_is_reported_once(home: Path, config: Config) -> None:
    ends = []

    async def scenario() -> None:
        async with running(config) as device:

            async def note(identifier: str, status: object) -> None:
                ends.append((identifier, status.state))  # type: ignore[attr-defined]

            device.jobs.on_end = note
            await device.send(update(home / "old.gguf"), "j1")
            await device.jobs.received("j2", b"rubbish")
            await device.ends("j1")
            await device.send(update(home / "old.gguf"), "j1")

    asyncio.run(scenario())
    assert sorted(ends) == [("j1", "successful"), ("j2", "failed")]


def test_more_jobs_than_can_be_kept_are_refused(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_MOST", 1)

    async def scenario() -> None:
        async with running(config) as device:
            await device.jobs.received("j1", b"rubbish")
            await device.jobs.received("j2", b"rubbish")
            assert "cannot be read" in (await device.ends("j1")).msg
            await until(
                lambda: "keeps 1 jobs" in dict(device.hub.sent)["j2"].msg if len(device.hub.sent) > 1 else False
            )

    asyncio.run(scenario())
