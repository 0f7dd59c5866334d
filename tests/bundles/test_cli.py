"""`edgewise bundle`, from the key to the way back, as an integrator types it."""

import os
from pathlib import Path

import pytest

from agent.cli import execute
from agent.cli.bundle import trial
from agent.config import Config
from tests.gguf_files import gguf


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.gguf").write_bytes(gguf())
    return tmp_path


def bundle(*arguments: str) -> int:
    return execute(["bundle", *arguments])


def create(*more: str) -> int:
    common = ["--key", "key", "--out", "a.edgewise-bundle", "--name", "acme", "--version", "1"]
    return bundle("create", *common, *more, "tiny.gguf")


def trust(home: Path) -> None:
    keys = home / "state" / "edgewise" / "keys"
    keys.mkdir(parents=True)
    (keys / "key.pub").write_text((home / "key.pub").read_text())


def test_a_bundle_goes_from_the_workshop_to_a_device_and_back(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bundle("key", "-W", "key") == 0
    assert (home / "key").stat().st_mode & 0o777 == 0o600
    assert create("--serve", "tiny", "--title", "Spring") == 0
    assert bundle("show", "a.edgewise-bundle") == 1
    assert "NOT TRUSTED" in capsys.readouterr().out
    trust(home)
    assert bundle("show", "a.edgewise-bundle") == 0
    assert bundle("verify", "a.edgewise-bundle") == 0
    assert bundle("apply", "--dry-run", "a.edgewise-bundle") == 0
    assert "Nothing was changed" in capsys.readouterr().out
    assert bundle("apply", "--no-wait", "a.edgewise-bundle") == 0
    assert execute(["models", "list"]) == 0
    assert "tiny" in capsys.readouterr().out
    assert bundle("rollback") == 0
    assert execute(["models", "list"]) == 0
    assert "No model is installed" in capsys.readouterr().out


def test_a_refusal_is_two_lines_and_the_status_2(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle("key", "-W", "key")
    create()
    trust(home)
    file = home / "a.edgewise-bundle"
    file.write_bytes(file.read_bytes().replace(b"GGUF", b"GGUX"))
    capsys.readouterr()
    assert bundle("apply", "--no-wait", "a.edgewise-bundle") == 2
    assert "was changed after it was signed" in capsys.readouterr().err
    assert bundle("verify", "no-such-file") == 2


def test_keys_are_never_overwritten(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bundle("key", "-W", "key") == 0
    before = (home / "key").read_text()
    assert bundle("key", "-W", "key") == 2
    assert "there already" in capsys.readouterr().err
    assert (home / "key").read_text() == before


@pytest.mark.parametrize(
    "wrong", [["--name", "../x"], ["--version", "0"], ["--serve", "another"], ["--least", "new"], ["--board", "A B"]]
)
def test_what_no_device_would_take_is_not_made(home: Path, wrong: list[str]) -> None:
    bundle("key", "-W", "key")
    assert create(*wrong) == 2
    assert not list(home.glob("a.edgewise-bundle*"))


def test_without_a_daemon_nothing_is_waited_for(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = Config(state_dir=home / "state" / "edgewise", host="127.0.0.1", port=9)  # nobody listens there
    assert trial.accepted(config, "tiny")
    assert "No daemon runs here" in capsys.readouterr().out


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_applies_belongs_to_the_owner_of_the_state_directory(home: Path) -> None:
    bundle("key", "-W", "key")
    create()
    trust(home)
    state = home / "state" / "edgewise"
    os.chown(state, 1234, 1234)
    assert bundle("apply", "--no-wait", "a.edgewise-bundle") == 0
    assert {path.stat().st_uid for path in state.rglob("*")} == {1234}
