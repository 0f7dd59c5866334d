"""Updates and signatures in jobs of a hub: the device serves what it brings, or everything is as before."""

import asyncio
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.bundles import writing
from agent.bundles.manifest import Manifest
from agent.bundles.minisign import write_signature
from agent.bundles.secret_key import SecretKey
from agent.config import Config
from agent.models import ModelStore
from agent.telemetry.jobs import bundle
from agent.telemetry.payloads import JobStatus
from agent.waiting import end
from tests.bundles.making import KEY, OTHER
from tests.fake_hub import FakeHub, HubFile, running_hub
from tests.stewarding import serves
from tests.telemetry.jobs.conftest import config, home, look_often, template
from tests.telemetry.jobs.device import NEW, OLD, running, sha256, update

__all__ = ["config", "home", "look_often", "template"]  # fixtures


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with running_hub() as hub:
        yield hub


@pytest.fixture
def trusting(config: Config, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setattr(bundle, "DELAYS", (0.05,))
    return msgspec.structs.replace(config, offline=False, fetch_models=False, bundle_keys=[KEY.public().line()])


def offered(hub: FakeHub, home: Path, key: SecretKey = KEY, model: str = NEW, **health: object) -> dict[str, Any]:
    """Put a bundle with the new model on a server, and return the job that brings it."""
    found = writing.ingredients(str(home / f"{model}.gguf"), ModelStore(home / "none"))
    manifest = writing.describe(Manifest(1, "acme", 4, []), found, serve=model)
    writing.write(home / "made", manifest, [each.path for each in found], key)
    content = (home / "made").read_bytes()
    hub.repos["me/it"] = {"made": HubFile(content)}
    artifact = {"url": f"{hub.url}/me/it/resolve/main/made", "sha256": hashlib.sha256(content).hexdigest()}
    return {"type": "bundle", "artifact": artifact, "health": health}


def carried_out(config: Config, job: dict[str, Any]) -> tuple[JobStatus, list[str], list[str]]:
    """Return how a job ends, what serves then, and the states on the way."""

    async def scenario() -> tuple[JobStatus, list[str], list[str]]:
        async with running(config) as device:
            await device.send(job)
            ended = await device.ends()
            await asyncio.sleep(0.1)
            assert not list((config.state_dir / "bundles" / "incoming").glob("*"))
            return ended, device.node.names(), device.jobs.states

    return asyncio.run(scenario())


def test_an_update_of_a_job_takes_over_and_stays(hub: FakeHub, home: Path, trusting: Config) -> None:
    told, serving, states = carried_out(trusting, offered(hub, home))
    assert (told.state, told.msg, serving) == ("successful", "acme 4 is in force.", [NEW])
    assert states == ["download", "verify", "swap", "health", "commit", "successful"]


def test_an_update_whose_model_is_not_healthy_is_taken_back(hub: FakeHub, home: Path, trusting: Config) -> None:
    told, serving, _ = carried_out(trusting, offered(hub, home, min_tok_s=1e9))
    assert told.state == "rolled_back"
    assert "tokens per second" in told.msg
    assert serving == [OLD]
    assert [model.name for model in ModelStore(trusting.models_dir).installed()] == [OLD]


def test_an_update_of_a_stranger_is_refused(hub: FakeHub, home: Path, trusting: Config) -> None:
    told, serving, _ = carried_out(trusting, offered(hub, home, OTHER))
    assert (told.state, serving) == ("failed", [OLD])
    assert "does not trust" in told.msg


def test_an_update_that_is_not_what_the_hub_has_said_is_refused(hub: FakeHub, home: Path, trusting: Config) -> None:
    job = offered(hub, home)
    job["artifact"]["sha256"] = "0" * 64
    assert carried_out(trusting, job)[0].state == "failed"


@pytest.mark.parametrize("signer", [KEY, OTHER, None])
def test_a_device_may_ask_for_signed_models(home: Path, trusting: Config, signer: SecretKey | None) -> None:
    path = home / "new.gguf"
    job = update(path)
    if signer:
        job["artifact"]["sig"] = write_signature(signer.sign(path.read_bytes(), "new"))
    told, serving, _ = carried_out(msgspec.structs.replace(trusting, signed_jobs=True), job)
    assert (told.state, serving) == (("successful", [NEW]) if signer is KEY else ("failed", [OLD])), told.msg
    assert sha256(path)


@pytest.mark.parametrize("signer", [KEY, OTHER])
def test_a_model_does_not_run_before_its_signature_is_checked_where_there_is_no_other(
    home: Path, trusting: Config, signer: SecretKey
) -> None:
    path = home / "new.gguf"
    job = update(path)
    job["artifact"]["sig"] = write_signature(signer.sign(path.read_bytes(), "new"))
    shutil.rmtree(trusting.models_dir)
    seen: list[tuple[bool, str]] = []

    async def scenario() -> None:
        async with running(msgspec.structs.replace(trusting, offline=True), serving="") as device:
            device.node.restraints.on_change.append(
                lambda _cause, held: seen.append((held is not None, device.node.health().model))
            )
            await device.send(job)
            ended = await device.ends()
            assert (ended.state, device.installed()) == (("successful", [NEW]) if signer is KEY else ("failed", []))
            assert seen == [(True, ""), (False, "")], "held back while it came, and nothing ran when that ended"

    asyncio.run(scenario())


async def after_power_cut(home: Path, trusting: Config, key: SecretKey, state: str) -> Config:
    """Carry out a signed job without any model before; return a device as a power cut would have left it in a state."""
    path, images = home / "new.gguf", home / "images"
    job = update(path)
    job["artifact"]["sig"] = write_signature(key.sign(path.read_bytes(), "new"))
    shutil.rmtree(trusting.models_dir)
    config = msgspec.structs.replace(trusting, offline=True)
    async with running(config, images, serving="") as device:
        await device.send(job)
        await device.ends()
    return msgspec.structs.replace(config, state_dir=images / state)


def test_nor_does_it_after_a_power_cut(home: Path, trusting: Config) -> None:
    async def scenario() -> None:
        after = await after_power_cut(home, trusting, OTHER, "verify")
        async with running(after, serving="", working=False) as device:
            assert device.installed() == [NEW]
            for _ in range(20):
                await asyncio.sleep(0.02)
                assert device.node.health().model == ""
            working = asyncio.create_task(device.jobs.work())
            assert ((await device.ends()).state, device.installed()) == ("failed", [])
            await end([working])
            assert not device.node.restraints.any

    asyncio.run(scenario())


def test_one_whose_signature_was_right_serves_at_once_after_a_power_cut(home: Path, trusting: Config) -> None:
    async def scenario() -> None:
        after = await after_power_cut(home, trusting, KEY, "commit")
        async with running(after, serving="", working=False) as device:
            assert not device.node.restraints.any
            await serves(device.node, NEW)

    asyncio.run(scenario())


def test_a_wrong_signature_counts_also_where_none_is_asked_for(home: Path, trusting: Config) -> None:
    job = update(home / "new.gguf")
    job["artifact"]["sig"] = write_signature(KEY.sign(b"another file", "new"))
    told, serving, _ = carried_out(trusting, job)
    assert (told.state, serving) == ("failed", [OLD]), told.msg
    assert "is wrong" in told.msg


def test_a_model_of_the_same_name_is_loaded_anew(hub: FakeHub, home: Path, trusting: Config) -> None:
    path = home / f"{OLD}.gguf"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    job = offered(hub, home, model=OLD)

    async def scenario() -> None:
        async with running(trusting) as device:
            before = device.node.engine_pid
            await device.send(job)
            assert (await device.ends()).state == "successful"
            assert device.node.engine_pid != before
            assert device.node.names() == [OLD]
            assert device.node.models.find(OLD).sha256 == sha256(path)

    asyncio.run(scenario())
