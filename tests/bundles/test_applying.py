"""Everything that a bundle brings comes into force at once, and can be taken back."""

import hashlib
from io import BytesIO
from pathlib import Path

import pytest

from agent import pinned
from agent.bundles.applying import apply, roll_back
from agent.catalog import load_catalog
from agent.config import resolve
from agent.errors import BundleError, DownloadError
from agent.models.lock import hold_lock, lock_path
from agent.models.progress import Progress
from tests.bundles.making import NEW, OLD, Device, make

SETTINGS = "context = 1024\nmqtt_interval = 60\n"


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path / "device")


def test_all_parts_are_in_force_afterwards(device: Device, tmp_path: Path) -> None:
    device.apply(make(tmp_path / "made", settings=SETTINGS, serve="tiny"))
    assert device.models() == {"tiny": hashlib.sha256(OLD).hexdigest()}
    assert pinned.read(device.state) == "tiny"
    resolved = resolve({"state_dir": str(device.state)}, device.file)
    assert (resolved.config.context, resolved.config.mqtt_interval, resolved.config.port) == (1024, 60, 8111)
    assert "# of the owner" in device.file.read_text()
    assert (resolved.config.directories("firmware-profiles")[0] / "board.toml").is_file()
    assert (device.state / "wheels" / "edgewise-9.0-py3-none-any.whl").read_bytes() == b"wheel 1"
    assert load_catalog(*device.place().config.directories("families"))


def test_an_update_that_is_tried_out_changes_nothing(device: Device, tmp_path: Path) -> None:
    content, before = make(tmp_path / "made", settings=SETTINGS, serve="tiny"), device.look()
    device.apply(content, dry_run=True)
    assert device.look() == before
    assert not device.leftovers()
    device.apply(content)


def test_the_last_update_can_be_taken_back_and_then_applied_again(device: Device, tmp_path: Path) -> None:
    empty = device.look()
    first, second = (
        make(tmp_path / "one"),
        make(tmp_path / "two", version=2, model=NEW, settings=SETTINGS, serve="tiny"),
    )
    device.apply(first)
    before = device.look()
    device.apply(second)
    after = device.look()
    assert after != before
    assert (roll_back(device.place()).version, device.look()) == (2, before)
    assert not device.leftovers()
    with pytest.raises(BundleError, match="in force already"):
        device.apply(first)
    device.apply(second)
    assert device.look() == after
    roll_back(device.place())
    with pytest.raises(BundleError, match="no update"):
        roll_back(device.place())
    assert empty != before


def test_a_first_update_that_is_taken_back_leaves_nothing(device: Device, tmp_path: Path) -> None:
    before = device.look()
    device.apply(make(tmp_path / "one", settings=SETTINGS, serve="tiny"))
    roll_back(device.place())
    assert device.look() == before


def test_only_the_last_update_takes_up_room_for_the_way_back(device: Device, tmp_path: Path) -> None:
    for version, model in enumerate((OLD, NEW, OLD, NEW), 1):
        device.apply(make(tmp_path / str(version), version=version, model=model))
    assert [path for path in device.leftovers() if path.endswith("tiny.gguf")] == [
        str(next(device.place().areas[0].glob("*/old/tiny/tiny.gguf")))
    ]


def test_a_choice_that_people_have_made_since_stays(device: Device, tmp_path: Path) -> None:
    device.apply(make(tmp_path / "one", serve="tiny"))
    pinned.write(device.state, "another")
    roll_back(device.place())
    assert pinned.read(device.state) == "another"


def test_a_model_that_is_here_already_is_not_written_again(device: Device, tmp_path: Path) -> None:
    device.apply(make(tmp_path / "one"))
    file = device.state / "models" / "tiny" / "tiny.gguf"
    before = file.stat().st_ino
    device.apply(make(tmp_path / "two", version=2))
    assert file.stat().st_ino == before
    roll_back(device.place())
    assert file.exists()


def test_a_model_that_somebody_works_on_is_left_alone(device: Device, tmp_path: Path) -> None:
    before = device.look()
    with (
        hold_lock(lock_path(device.state / "models", "tiny"), "tiny"),
        pytest.raises(DownloadError, match="working on"),
    ):
        device.apply(make(tmp_path / "one"))
    assert device.look() == before


def test_progress_ends_with_everything(device: Device, tmp_path: Path) -> None:
    seen: list[Progress] = []
    manifest = apply(device.place(), BytesIO(make(tmp_path / "one")), on_progress=seen.append)
    assert (seen[-1].done, seen[-1].total) == (manifest.bytes, manifest.bytes)
