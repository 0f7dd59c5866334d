"""Models that root has brought and Edgewise cannot read: named, with the command that cures it."""

import asyncio
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.config import Config
from agent.models.foreign import foreign
from tests.selecting import small_model
from tests.steward.conftest import config, home, hub, look_often
from tests.stewarding import install, running, serves, state

__all__ = ["config", "home", "hub", "look_often"]  # fixtures


def as_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have everything that is here belong to somebody else."""
    other = os.geteuid() + 1000
    monkeypatch.setattr(os, "geteuid", lambda: other)
    monkeypatch.setattr(os, "getegid", lambda: other)
    monkeypatch.setattr(os, "getgroups", list[int])


def brought(root: Path, directory: int, file: int) -> Path:
    path = root / "big" / "big.gguf"
    path.parent.mkdir(parents=True)
    path.touch()
    path.chmod(file)
    path.parent.chmod(directory)
    return path


@pytest.mark.parametrize(("directory", "file"), [(0o755, 0o600), (0o755, 0o640), (0o700, 0o644)])
def test_what_belongs_to_somebody_else_and_is_closed_is_named_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, directory: int, file: int
) -> None:
    path = brought(tmp_path, directory, file)
    assert not foreign(tmp_path, None), "it is ours"
    as_another(monkeypatch)
    told = foreign(tmp_path, None)["big"]
    assert str(path if directory & 0o005 else path.parent) in told
    assert f"sudo chown -R --reference={tmp_path} {path.parent}" in told
    path.parent.chmod(0o755)
    path.chmod(0o644)
    assert not foreign(tmp_path, "socket"), "everybody may read it"


def test_an_engine_of_another_user_reads_only_what_everybody_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = brought(tmp_path, 0o755, 0o640)
    group = path.stat().st_gid
    as_another(monkeypatch)
    monkeypatch.setattr(os, "getgroups", lambda: [group])
    assert not foreign(tmp_path, None)
    assert "big.gguf" in foreign(tmp_path, "socket")["big"]
    assert not foreign(tmp_path / "nothing", None)


def test_a_closed_model_is_told_not_tried_and_serves_once_it_is_ours(
    home: Path, config: Config, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.run(install(config, small_model(home / "zoo.gguf")))
    (config.models_dir / "old" / "old.gguf").chmod(0o600)
    wanted = replace(config, fetch_models=False, model="")
    (config.state_dir / "chosen-model").write_text("old")

    async def scenario() -> None:
        async with running(wanted) as node:
            with monkeypatch.context() as changed:
                as_another(changed)
                await serves(node, "zoo")
                (why,) = state(node).failures
                assert why.startswith("old cannot be read: ")
            await serves(node, "old")  # the user has said `chown`
            assert not state(node).failures

    asyncio.run(scenario())
    assert len([line for line in caplog.messages if "chown" in line]) == 1
