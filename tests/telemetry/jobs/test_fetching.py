"""The download of a job: over a network that fails, and with people who have a say in it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agent.config import Config
from agent.telemetry.jobs import fetching
from tests.fake_hub import FakeHub, Fault, HubFile, running_hub
from tests.stewarding import until
from tests.telemetry.jobs.device import NEW, OLD, Device, running, sha256


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with running_hub() as hub:
        yield hub


@pytest.fixture
def networked(config: Config, home: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The new model is on a hub; the device itself has nothing to fetch."""
    monkeypatch.setattr(fetching, "DELAYS", (0.05, 0.1))
    hub.repos["me/it"] = {"new.gguf": HubFile((home / "new.gguf").read_bytes())}
    return msgspec.structs.replace(config, offline=False, fetch_models=False, hf_endpoint=hub.url)


def job(home: Path, reference: str = "hf:me/it/new.gguf") -> dict[str, object]:
    return {"type": "model_update", "artifact": {"reference": reference, "sha256": sha256(home / "new.gguf")}}


async def arriving(device: Device) -> str:
    """Wait until bytes arrive, and return the id of the download."""
    downloads = device.node.downloads
    await until(lambda: any(each.progress and each.progress.done for each in downloads.all()))
    return downloads.all()[0].id


def test_a_host_that_cannot_be_reached_is_tried_again_and_then_given_up(networked: Config) -> None:
    artifact = {"url": "http://127.0.0.1:9/new.gguf", "sha256": "0" * 64}

    async def scenario() -> None:
        async with running(networked) as device:
            await device.send({"type": "model_update", "artifact": artifact})
            end = await device.ends()
            assert (end.state, end.attempt) == ("failed", 3)
            assert "127.0.0.1 cannot be reached" in end.msg
            assert any("It is tried again in" in status.msg for _, status in device.hub.sent)
            assert (device.installed(), device.chosen()) == ([OLD], "")

    asyncio.run(scenario())


def test_a_model_that_is_not_there_is_not_asked_for_again(home: Path, networked: Config) -> None:
    async def scenario() -> None:
        async with running(networked) as device:
            await device.send(job(home, "hf:me/it/other.gguf"))
            end = await device.ends()
            assert (end.state, end.attempt) == ("failed", 1)

    asyncio.run(scenario())


def test_wrong_content_is_not_fetched_twice(home: Path, networked: Config, hub: FakeHub) -> None:
    hub.always = Fault(corrupt=True)

    async def scenario() -> None:
        async with running(networked) as device:
            await device.send(job(home))
            end = await device.ends()
            assert (end.state, end.attempt) == ("failed", 1)
            assert "wrong content" in end.msg

    asyncio.run(scenario())
    assert len(hub.content_requests()) == 1


def test_the_new_model_does_not_serve_by_itself_while_the_job_waits_for_its_moment(
    home: Path, networked: Config
) -> None:
    async def scenario() -> None:
        async with running(networked) as device:
            await device.send(job(home))
            await device.reaches("download")
            await until(lambda: device.chosen() == OLD)
            assert (await device.ends()).state == "successful"
            assert device.node.names() == [NEW]

    asyncio.run(scenario())


def test_a_download_that_somebody_pauses_or_cancels_is_told(home: Path, networked: Config, hub: FakeHub) -> None:
    hub.always = Fault(trickle=0.05)

    async def scenario() -> None:
        async with running(networked) as device:
            await device.send(job(home))
            download = await arriving(device)
            device.node.downloads.pause(download)
            await until(lambda: device.hub.last().msg == "Somebody has paused the download on the device.")
            await device.node.downloads.cancel(download)
            assert (await device.ends()).msg == "Somebody has cancelled the download on the device."
            assert device.chosen() == ""

    asyncio.run(scenario())


def test_a_job_that_is_cleared_while_it_downloads_leaves_nothing(home: Path, networked: Config, hub: FakeHub) -> None:
    hub.always = Fault(trickle=0.05)

    async def scenario() -> None:
        async with running(networked) as device:
            await device.send(job(home))
            await arriving(device)
            await device.jobs.received("j1", b"")
            assert (await device.ends()).state == "canceled"
            assert device.node.downloads.all() == []
            assert device.node.models.unfinished() == []
            assert (device.installed(), device.chosen()) == ([OLD], "")

    asyncio.run(scenario())


def test_a_download_goes_on_where_it_was_after_a_restart(home: Path, networked: Config, hub: FakeHub) -> None:
    hub.always = Fault(trickle=0.02)

    async def scenario() -> None:
        async with running(networked) as device:
            await device.send(job(home))
            await arriving(device)
        hub.always = Fault()
        async with running(networked) as device:
            assert (await device.ends()).state == "successful"

    asyncio.run(scenario())
    assert hub.content_requests()[-1].range is not None


def test_progress_is_told_now_and_then(home: Path, networked: Config, hub: FakeHub) -> None:
    hub.always = Fault(trickle=0.01)

    async def scenario() -> None:
        async with running(networked) as device:
            await device.send(job(home))
            assert (await device.ends()).state == "successful"
            loading = [status for _, status in device.hub.sent if status.state == "download"]
            assert len(loading) <= 3

    asyncio.run(scenario())
