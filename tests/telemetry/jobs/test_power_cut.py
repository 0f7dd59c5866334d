"""A device that loses power in any state of a job knows right after what to do."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from agent import pinned
from agent.config import Config
from agent.telemetry.payloads import JobStatus
from agent.waiting import end
from tests.stewarding import serves, until
from tests.telemetry.jobs.device import NEW, OLD, Device, running, update

DIES_LATER = {"health": {"min_tok_s": 1e9}}


async def cut(config: Config, home: Path, **fields: object) -> Path:
    """Carry out a job, and return a folder with what a power cut would have left in each of its states."""
    images = home / "images"
    async with running(config, images) as device:
        await device.send(update(home / "new.gguf", **fields))
        await device.ends()
    return images


async def after_power_cut(config: Config, image: Path) -> tuple[Device, str]:
    """Start a device with what was on the disk; returns it when the job has ended, and how that was."""
    config = msgspec.structs.replace(config, state_dir=image)
    async with running(config, serving="") as device:
        end = await device.ends()
        await serves(device.node, NEW if end.state == "successful" else OLD)
    return device, end.state


@pytest.mark.slow  # those in which it turns out otherwise are below
def test_every_state_of_an_update_has_its_right_end_after_a_power_cut(home: Path, config: Config) -> None:
    async def scenario() -> None:
        images = await cut(config, home)
        for state in ("download", "verify", "stage", "commit"):
            device, end = await after_power_cut(config, images / state)
            assert (state, end, device.installed(), device.chosen()) == (state, "successful", [NEW, OLD], NEW)
        for state in ("swap", "health"):
            device, end = await after_power_cut(config, images / state)
            assert (state, end, device.installed(), device.chosen()) == (state, "rolled_back", [OLD], "")
            assert device.hub.last().msg == "The trial of new was interrupted by a restart of the device."
        await after_power_cut(config, images / "successful")

    asyncio.run(scenario())


@pytest.mark.slow
def test_a_rollback_is_completed_after_a_power_cut(home: Path, config: Config) -> None:
    async def scenario() -> None:
        images = await cut(config, home, **DIES_LATER)
        device, end = await after_power_cut(config, images / "rollback")
        assert (end, device.installed(), device.chosen()) == ("rolled_back", [OLD], "")

    asyncio.run(scenario())


def test_a_model_on_trial_is_not_loaded_again_after_a_power_cut(home: Path, config: Config) -> None:
    async def scenario() -> None:
        images = await cut(config, home)
        assert pinned.read(images / "health") == NEW
        after = msgspec.structs.replace(config, state_dir=images / "health")
        async with running(after, serving="") as device:
            while not device.jobs.states:
                assert device.node.health().model in {"", OLD}
                await asyncio.sleep(0.005)
            assert device.jobs.states[0] == "rollback"
            await device.ends()

    asyncio.run(scenario())


@pytest.mark.parametrize("state", ["stage", "swap"])
def test_a_job_that_was_cancelled_before_a_power_cut_is_not_gone_on_with(
    home: Path, config: Config, state: str
) -> None:
    async def scenario() -> None:
        images = await cut(config, home)
        after = msgspec.structs.replace(config, state_dir=images / state)
        async with running(after, serving="", working=False) as device:
            await device.jobs.received("j1", b"")
        async with running(after) as device:
            assert (await device.ends()).state == "canceled"
            assert (device.installed(), device.chosen()) == ([OLD], "")

    asyncio.run(scenario())


@pytest.mark.slow
@pytest.mark.usefixtures("greenwich")
def test_what_is_to_follow_the_end_of_a_job_follows_after_a_power_cut_too(home: Path, config: Config) -> None:
    images, ends = home / "images", list[tuple[str, int, str]]()

    async def note(identifier: str, status: JobStatus) -> None:
        ends.append((identifier, status.rev, status.state))

    async def scenario() -> None:
        async with running(config, images) as device:
            await device.send(update(home / "new.gguf", window="02:00-02:01"))
            await device.reaches("waiting")
            await device.send(update(home / "new.gguf", rev=2))
            await until((images / "successful").exists)
        for image, expected in (("canceled", ["canceled", "successful"]), ("successful", ["successful"])):
            ends.clear()
            after = msgspec.structs.replace(config, state_dir=images / image)
            async with running(after, serving="", working=False) as device:
                device.jobs.on_end = note
                working = asyncio.create_task(device.jobs.work())
                await until(lambda: len(ends) == len(expected))  # noqa: B023 - awaited here
                await until(lambda: device.node.names() == [NEW])
                await end([working])
            assert [state for _, _, state in ends] == expected
            assert ends[-1] == ("j1", 2, "successful")

    asyncio.run(scenario())
