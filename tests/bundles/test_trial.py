"""The trial of an update outlives the daemon: it goes on after a restart, or the update goes back."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from agent import pinned
from agent.bundles import trial, writing
from agent.bundles.applying import apply
from agent.bundles.journal import Record, Trial, note_trial, read_record
from agent.bundles.manifest import Manifest
from agent.bundles.place import Place
from agent.config import Config
from agent.errors import DownloadError
from agent.models import ModelStore
from agent.models.lock import hold_lock
from agent.models.record import boot_id
from agent.safe_mode import marker
from agent.safe_mode.lives import Crash, Lives
from agent.safe_mode.safe_mode import record_path
from tests.bundles.making import KEY, Device, make
from tests.telemetry.jobs.conftest import config, home, template
from tests.telemetry.jobs.device import NEW, OLD, running
from tests.web.daemon import Daemon, daemon, eventually

__all__ = ["config", "home", "template"]  # fixtures

LEVEL = 2
LIMIT = 3  # crashes in a row that lead to safe mode
BEGUN = Trial(OLD, begun=True)


def bundle(home: Path) -> Path:
    """Return a bundle that brings the new model and has it serve."""
    found = writing.ingredients(str(home / f"{NEW}.gguf"), ModelStore(home / "none"))
    manifest = writing.describe(Manifest(1, "acme", 1, []), found, serve=NEW)
    writing.write(home / "made", manifest, [each.path for each in found], KEY)
    return home / "made"


def trusting(config: Config) -> Config:
    return msgspec.structs.replace(config, bundle_keys=[KEY.public().line()], fetch_models=False)


def applied(config: Config, home: Path, plan: Trial | None) -> Place:
    """Apply the bundle to a device that does not run."""
    place = Place(trusting(config))
    with bundle(home).open("rb") as file:
        apply(place, file, trial=plan)
    return place


def installed(config: Config) -> list[str]:
    return [model.name for model in ModelStore(config.models_dir).installed()]


@contextmanager
def device(config: Config, *flags: str) -> Iterator[Daemon]:
    settings = ("--context", "256", "--threads", "1", "--fetch-models", "false")
    keys = ("--bundle-keys", KEY.public().line())
    with daemon(config.state_dir, "--engine", "llama_cpp", *settings, *keys, *flags, ready=False) as running:
        yield running


def test_a_daemon_that_is_killed_in_a_trial_goes_on_with_it(config: Config, home: Path) -> None:
    place = Place(config)
    with device(config) as daemon:
        daemon.wait_until_ready()
        with bundle(home).open("rb") as file:
            assert daemon.http.post("/api/edgewise/bundle", content=file.read()).status_code == 200
        assert read_record(place).trial == BEGUN
    with device(config) as daemon:  # it was killed
        eventually(lambda: read_record(place).trial is None, 30)
        assert daemon.http.get("/api/edgewise/selection").json()["serving"] == NEW
        assert read_record(place).last is not None


def test_a_trial_that_fails_after_a_restart_takes_the_update_back(config: Config, home: Path) -> None:
    place = applied(config, home, BEGUN)
    shutil.rmtree(config.models_dir / NEW)  # as a file system may that lost its power

    async def scenario() -> None:
        async with running(trusting(config), serving="", working=False) as device:
            reason = await asyncio.wait_for(trial.follow(device.node, place), 60)
            assert NEW in reason
            assert device.node.names() == [OLD]

    asyncio.run(scenario())
    assert (read_record(place), installed(config)) == (Record(), [OLD])


def test_crashes_in_a_trial_take_the_update_back_and_not_the_device_into_safe_mode(tmp_path: Path) -> None:
    owned = Device(tmp_path / "device")
    before = owned.look()
    owned.apply(make(tmp_path / "one", serve="tiny"))
    place = owned.place()
    last = read_record(place).last
    assert last
    note_trial(place, last, BEGUN)
    note_trial(place, msgspec.structs.replace(last, version=9), None)  # of an update that is no more
    for _ in range(LIMIT):
        assert read_record(place).trial == BEGUN
        with daemon(owned.state, ready=False):
            pass  # and is killed
    with daemon(owned.state, ready=False) as running:
        assert running.health().get("safe_mode") is None
        page = running.http.get("/device", headers={"accept-language": "de"}).text
        assert "Ein Update hat die Probe nicht bestanden." in page
    assert (owned.look(), read_record(place)) == (before, Record())
    assert marker.read(record_path(owned.state)).trying, "another crash is one too many"


@pytest.mark.slow
def test_an_update_in_safe_mode_is_tried_when_that_ends(config: Config, home: Path) -> None:
    """An update may be what cures the device: crashes before its trial do not count against it."""
    place = applied(config, home, Trial(""))
    crashed = Lives(level=2, running=True, boot=boot_id(), crashes=(Crash("signal", "Aborted", 1.0, "0.1.0"),))
    assert marker.write(record_path(config.state_dir), crashed)
    with device(config) as daemon:
        assert daemon.health()["safe_mode"]["level"] == LEVEL
        time.sleep(2 * trial._AGAIN_SECONDS)
        assert read_record(place).trial == Trial("")
        assert daemon.http.delete("/api/edgewise/safe-mode").status_code == 200
        eventually(lambda: read_record(place).trial is None, 30)
        assert daemon.http.get("/api/edgewise/selection").json()["serving"] == NEW


def test_a_trial_ends_when_people_choose_another_model(config: Config, home: Path) -> None:
    place = applied(config, home, BEGUN)
    pinned.write(config.state_dir, OLD)

    async def scenario() -> None:
        async with running(trusting(config), working=False) as device:
            assert await trial.follow(device.node, place) == ""
            assert device.node.names() == [OLD]

    asyncio.run(scenario())
    assert (read_record(place).trial, installed(config)) == (None, [NEW, OLD])


def test_a_trial_waits_for_another_update_that_is_on_its_way(tmp_path: Path) -> None:
    owned = Device(tmp_path / "device")
    owned.apply(make(tmp_path / "one", serve="tiny"))
    last = read_record(owned.place()).last
    assert last
    with hold_lock(owned.place().lock, "updates"), pytest.raises(DownloadError):
        note_trial(owned.place(), last, BEGUN)
    assert read_record(owned.place()).trial is None
