"""The model that the user has chosen."""

from pathlib import Path

import pytest

from agent import pinned
from agent.errors import ConfigError


def test_nothing_is_chosen_at_first(tmp_path: Path) -> None:
    assert pinned.read(tmp_path / "absent") == ""


def test_a_choice_is_kept_until_it_is_forgotten(tmp_path: Path) -> None:
    state = tmp_path / "new" / "state"
    pinned.write(state, "a-model")
    assert pinned.read(state) == "a-model"
    pinned.write(state, "another")
    assert pinned.read(state) == "another"
    pinned.write(state, "")
    assert pinned.read(state) == ""


def test_forgetting_what_was_never_chosen_is_fine(tmp_path: Path) -> None:
    pinned.write(tmp_path / "absent", "")
    assert not (tmp_path / "absent").exists()


def test_space_around_a_name_written_by_hand_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "chosen-model").write_text("  a-model \n\n")
    assert pinned.read(tmp_path) == "a-model"


def test_a_file_that_is_no_text_is_told_and_chooses_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "chosen-model").write_bytes(b"\xff\xfe\x00")
    assert pinned.read(tmp_path) == ""
    assert "cannot be read" in caplog.text


def test_a_directory_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "chosen-model").mkdir()
    assert pinned.read(tmp_path) == ""
    with pytest.raises(ConfigError, match="chosen-model"):
        pinned.write(tmp_path, "a-model")


@pytest.mark.parametrize("name", ["a-model", ""])
def test_a_directory_that_cannot_be_written_is_an_error_with_advice(tmp_path: Path, name: str) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(ConfigError, match="cannot be kept") as caught:
        pinned.write(tmp_path / "state", name)
    assert caught.value.hint


def test_a_full_disk_keeps_the_earlier_choice(tmp_path: Path) -> None:
    pinned.write(tmp_path, "a-model")
    (tmp_path / "chosen-model.new").symlink_to("/dev/full")
    with pytest.raises(ConfigError, match="No space left"):
        pinned.write(tmp_path, "another")
    assert pinned.read(tmp_path) == "a-model"
