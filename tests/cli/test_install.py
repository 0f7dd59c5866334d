"""Installing, below a folder and with commands that only write down what they were asked."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent.errors import InstallError
from agent.installation import units, versions
from agent.installation.actions import Actions
from agent.installation.installing import files, install, require_systemd, uninstall
from agent.installation.place import Place
from agent.installation.upgrading import upgrade
from tests.cli.running import edgewise

GIB = 1 << 30


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(Path("/opt/edgewise"), tmp_path / "root")


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What systemctl was asked, a line each; it fails at what a file `refused` has in it."""
    log, folder = tmp_path / "asked", tmp_path / "bin"
    folder.mkdir()
    for name in ("systemctl", "systemd-sysusers"):
        script = f'#!/bin/sh\necho "{name} $*" >> {log}\n! grep -qx -- "$*" {tmp_path}/refused 2>/dev/null\n'
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return log


def version(place: Place, name: str) -> None:
    """Make a version that installs nothing."""
    command = place.versions / name / "bin" / "edgewise"
    command.parent.mkdir(parents=True)
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)


@pytest.mark.slow  # `test_packaging` looks into the wheel
def test_what_is_installed_runs_away_from_the_checkout_and_twice_is_as_good_as_once(tmp_path: Path) -> None:
    root = tmp_path / "root"
    first = edgewise(tmp_path, "install", "--root", str(root), "--prefix", str(root / "opt"))
    assert first.returncode == 0, first.stderr
    place = Place(root / "opt", root)
    home = place.versions / "A"
    assert place.current.readlink() == Path("A")
    assert (home / "bin" / "edgewise").stat().st_mode & 0o777 == 0o755
    packages = next(home.glob("lib/python*/site-packages"))
    done = subprocess.run(
        [home / "bin" / "python", "-I", "-c", "import agent, llama_cpp; print(agent.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == str(packages / "agent" / "__init__.py"), done.stderr
    assert f"ExecStart={root}/opt/current/bin/edgewise run" in (place.units / "edgewise.service").read_text()
    (named,) = re.findall(r"^Documentation=file://(.+)$", (place.units / "edgewise.service").read_text(), re.MULTILINE)
    assert (home / Path(named).relative_to(root / "opt" / "current")).is_file()
    again = edgewise(tmp_path, "install", "--root", str(root), "--prefix", str(root / "opt"))
    assert (again.returncode, again.stdout) == (0, "")


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    done = edgewise(tmp_path, "install", "--root", str(tmp_path / "root"), "--dry-run")
    assert "edgewise.service" in done.stdout
    assert "Nothing was changed." in done.stdout
    assert not (tmp_path / "root").exists()


def test_only_root_installs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(InstallError, match="Only root"):
        require_systemd(Place(Path("/opt/edgewise")))


def test_without_systemd_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(Path, "is_dir", lambda _path: False)
    with pytest.raises(InstallError, match="systemd does not run"):
        require_systemd(Place(Path("/opt/edgewise")))


def test_the_services_are_started_after_their_group_is_there(place: Place, asked: Path) -> None:
    version(place, "A")
    place.current.symlink_to("A")
    install(place, Actions(lambda _line: None))
    assert asked.read_text().splitlines() == [
        f"systemd-sysusers {place.sysusers}",
        "systemctl daemon-reload",
        "systemctl enable --now edgewise-engine.socket edgewise.service",
    ]


def test_settings_are_never_overwritten(place: Place, asked: Path) -> None:
    version(place, "A")
    place.current.symlink_to("A")
    place.config.parent.mkdir(parents=True)
    place.config.write_text("port = 9000\n")
    install(place, Actions(lambda _line: None))
    assert place.config.read_text() == "port = 9000\n"
    assert asked.exists()


@pytest.mark.parametrize("purge", [False, True])
def test_uninstalling_keeps_chats_unless_told_otherwise(place: Place, asked: Path, purge: bool) -> None:  # noqa: FBT001 - a parameter
    version(place, "A")
    place.current.symlink_to("A")
    install(place, Actions(lambda _line: None))
    place.state.mkdir(parents=True)
    mine = place.units / "edgewise.service.d" / "override.conf"
    mine.parent.mkdir(exist_ok=True)
    mine.touch()
    uninstall(place, Actions(lambda _line: None), purge=purge)
    assert mine.exists()
    assert not any(path.exists() for path in (*files(place), place.versions, place.command))
    assert place.state.exists() is place.config.exists() is not purge
    assert "systemctl disable --now edgewise-engine.socket edgewise.service" in asked.read_text()


def test_memory_is_left_to_the_rest_of_the_computer() -> None:
    added = units.drop_ins(8 * GIB, [], [], 252, Path("/nowhere"))
    assert added["edgewise-engine.slice.d/memory.conf"] == "[Slice]\nMemoryMax=7680M\n"
    assert not added["edgewise-engine@.service.d/devices.conf"]


def test_later_and_later_restarts_only_where_systemd_knows_them() -> None:
    old, new = (units.drop_ins(GIB, [], [], version, Path("/nowhere")) for version in (252, 254))
    assert not old["edgewise.service.d/restarts.conf"]
    assert "RestartSteps=" in new["edgewise.service.d/restarts.conf"]


def test_a_password_that_is_there_becomes_a_credential(tmp_path: Path) -> None:
    (tmp_path / "mqtt.password").touch()
    added = units.drop_ins(GIB, [], [], 252, tmp_path / "mqtt.password")
    assert "LoadCredential=mqtt.password:/etc/edgewise/mqtt.password" in added["edgewise.service.d/credentials.conf"]


def test_a_gpu_is_opened_by_name_to_its_group() -> None:
    text = units.engine_drop_in([Path("/dev/dri/renderD128")], ["render"])
    assert "DeviceAllow=/dev/dri/renderD128 rw" in text
    assert "SupplementaryGroups=render" in text


@pytest.fixture
def upgrading(place: Place, asked: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """An installation with a version A and a database, where making version B costs nothing."""
    version(place, "A")
    place.current.symlink_to("A")
    place.state.mkdir(parents=True)
    (place.state / "app.db").write_text("of A")
    monkeypatch.setattr(versions, "make_from", lambda place, name, _wanted: version(place, name))
    assert not asked.exists()
    return place


def test_a_version_that_answers_stays(upgrading: Place) -> None:
    assert upgrade(upgrading, Actions(lambda _line: None), "new.whl", lambda: True)
    assert versions.running(upgrading) == "B"


def test_a_version_that_does_not_start_gives_way_to_the_old_one(upgrading: Place, asked: Path) -> None:
    refused = asked.with_name("refused")
    refused.write_text("start edgewise.service\n")

    def say(line: str) -> None:
        if line == "stop it":
            refused.unlink()

    assert not upgrade(upgrading, Actions(say), "new.whl", lambda: True)
    assert versions.running(upgrading) == "A"
    assert asked.read_text().splitlines()[-1] == "systemctl start edgewise.service"


def test_a_version_that_does_not_answer_gives_back_the_old_one_and_its_data(
    upgrading: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.installation.upgrading._PATIENCE", 0.0)

    def answers() -> bool:
        (upgrading.state / "app.db").write_text("of B")
        return False

    said: list[str] = []
    assert not upgrade(upgrading, Actions(said.append), "new.whl", answers)
    assert versions.running(upgrading) == "A"
    assert (upgrading.state / "app.db").read_text() == "of A"
    assert any("does not answer" in line for line in said)


def test_there_is_nothing_to_upgrade_before_something_is_installed(place: Place) -> None:
    with pytest.raises(InstallError, match="Nothing is installed"):
        upgrade(place, Actions(lambda _line: None), "new.whl", lambda: True)


def test_a_python_in_a_home_directory_is_no_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "base_prefix", "/home/ada/python")
    with pytest.raises(InstallError, match="home directory"):
        versions.require_system_python(Place(Path("/opt/edgewise")))
