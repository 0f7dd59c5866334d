"""`edgewise models use`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent import pinned
from agent.cli import execute
from agent.models import ModelStore
from tests.selection.making import place

Use = Callable[[str], tuple[int, str, str]]


@pytest.fixture
def use(tmp_path: Path, starter: Path, capsys: pytest.CaptureFixture[str]) -> Use:
    """Run `edgewise models use NAME` where `first`, `first-b` and `other` are installed."""
    for name in ("first-a", "first-b", "other"):
        place(ModelStore(tmp_path / "models"), starter, name, "a test")

    def command(name: str) -> tuple[int, str, str]:
        status = execute(["models", "use", name, "--state-dir", str(tmp_path)])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return command


def test_a_model_is_chosen_until_the_choice_is_left_to_edgewise(use: Use, tmp_path: Path) -> None:
    status, text, _ = use("other")
    assert status == 0
    assert text == "other is served from now on. `edgewise models use auto` leaves the choice to Edgewise again.\n"
    assert pinned.read(tmp_path) == "other"
    status, text, _ = use("auto")
    assert (status, text) == (0, "Edgewise chooses the model again: `edgewise select` says which.\n")
    assert pinned.read(tmp_path) == ""


def test_the_beginning_of_a_name_is_enough_and_the_whole_name_is_kept(use: Use, tmp_path: Path) -> None:
    assert use("oth")[0] == 0
    assert pinned.read(tmp_path) == "other"


@pytest.mark.parametrize(("name", "words"), [("first", "several models"), ("absent", "No model 'absent' is installed")])
def test_a_name_that_means_no_model_or_several_changes_nothing(use: Use, tmp_path: Path, name: str, words: str) -> None:
    use("other")
    status, _, error = use(name)
    assert status == 2
    assert words in error
    assert "hint: " in error
    assert pinned.read(tmp_path) == "other"


def test_auto_is_fine_when_nothing_was_chosen(use: Use) -> None:
    assert use("auto")[0] == 0
    assert use("auto")[0] == 0


def test_a_setting_that_comes_first_is_named(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEWISE_MODEL", "first-a")
    assert "But the setting `model` names first-a" in use("other")[1]


def test_a_full_disk_is_an_error_and_no_traceback(use: Use, tmp_path: Path) -> None:
    use("other")
    (tmp_path / "chosen-model.new").symlink_to("/dev/full")
    status, text, error = use("first-a")
    assert status == 2
    assert text == ""
    assert "No space left on device" in error
    assert pinned.read(tmp_path) == "other"
