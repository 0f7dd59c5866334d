from pathlib import Path

from tests.cli.running import edgewise


def test_a_mistake_ends_with_two_lines_and_no_traceback(tmp_path: Path) -> None:
    done = edgewise(tmp_path, "run", "--model", "nonsense", "--port", "0")
    assert done.returncode == 2
    error, hint = done.stderr.splitlines()
    assert "nonsense" in error
    assert hint.startswith("hint: ")


def test_an_unusable_setting_is_named_with_its_place(tmp_path: Path) -> None:
    done = edgewise(tmp_path, "run", "--port", "many")
    assert done.returncode == 2
    assert "port" in done.stderr
    assert "'many'" in done.stderr
    assert "command line" in done.stderr


def test_a_missing_configuration_file_is_an_error(tmp_path: Path) -> None:
    done = edgewise(tmp_path, "--config", str(tmp_path / "none.toml"), "config")
    assert done.returncode == 2
    assert "none.toml" in done.stderr


def test_without_a_command_it_says_what_there_is(tmp_path: Path) -> None:
    done = edgewise(tmp_path)
    assert done.returncode == 2
    assert "COMMAND" in done.stderr


def test_help_names_every_command(tmp_path: Path) -> None:
    text = edgewise(tmp_path, "--help").stdout
    assert all(command in text for command in ("bench", "chat", "config", "doctor", "models", "run"))
