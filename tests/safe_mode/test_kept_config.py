"""The configuration file of a service, damaged by somebody."""

import argparse
from pathlib import Path

import pytest

from agent.cli import create_parser
from agent.cli.run import rescue
from agent.config import resolve
from agent.errors import ConfigError
from agent.safe_mode.kept_config import keep, kept


def begun(tmp_path: Path, text: str) -> argparse.Namespace:
    """Return the options of a daemon that has started with this file, which was damaged since."""
    file, state = tmp_path / "config.toml", tmp_path / "state"
    state.mkdir()
    file.write_text(text)
    keep(resolve({"state_dir": str(state)}, file))
    file.write_text("aliases = [1, ")
    return create_parser("run").parse_args(["--config", str(file), "run", "--state-dir", str(state)])


def broken(options: argparse.Namespace) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        resolve({}, options.config)
    return caught.value


def test_where_nobody_reads_it_the_file_of_the_last_start_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = begun(tmp_path, 'aliases = ["kept"]')
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere")
    resolved = rescue(options, broken(options))
    assert resolved.config.aliases == ["kept"]
    assert resolved.file is None, "an update changes the file itself, or nothing"
    assert "config.toml" in options.trouble


def test_in_a_terminal_it_is_an_error(tmp_path: Path) -> None:
    options = begun(tmp_path, 'aliases = ["kept"]')
    with pytest.raises(ConfigError, match=r"config\.toml"):
        rescue(options, broken(options))


def test_without_one_that_was_kept_it_is_an_error_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = begun(tmp_path, "")
    path = kept(tmp_path / "state")
    assert path is not None
    path.unlink()
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere")
    with pytest.raises(ConfigError, match=r"config\.toml"):
        rescue(options, broken(options))


def test_who_needs_no_file_any_more_has_none_kept(tmp_path: Path) -> None:
    begun(tmp_path, "")
    keep(resolve({"state_dir": str(tmp_path / "state")}))
    assert kept(tmp_path / "state") is None
