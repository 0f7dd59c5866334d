"""The units are what systemd understands, and as closed as they are meant to be."""

import configparser
import subprocess
from pathlib import Path

import pytest

from agent.installation.units import engine_drop_in, shipped

UNITS = Path(__file__).parents[2] / "systemd"
SERVICES = {"edgewise.service": 15, "edgewise-engine@.service": 10}  # most exposure, in tenths
GPU = engine_drop_in([Path("/dev/dri/renderD128"), Path("/dev/nvidia0")], ["render", "video"])


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)  # noqa: S607 - where Debian has it


def settings(name: str) -> dict[str, str]:
    """Return the settings of a unit; of those that stand there more than once the last."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as configparser's documentation has it
    parser.read(UNITS / name)
    return {key: value for section in parser.sections() for key, value in parser[section].items()}


def runnable(folder: Path) -> list[Path]:
    """Return the units with commands that there are on this computer."""
    paths = []
    for name, text in shipped(Path("/opt/edgewise")).items():
        lines = ["ExecStart=/bin/true" if line.startswith("ExecStart=") else line for line in text.splitlines()]
        paths.append(folder / name)
        paths[-1].write_text("\n".join(lines))
    return paths


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    done = analyze("verify", "--man=no", *runnable(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("unit", "most"), SERVICES.items())
def test_they_are_closed(unit: str, most: int) -> None:
    done = analyze("security", "--offline=true", "--no-pager", f"--threshold={most}", UNITS / unit)
    assert done.returncode == 0, done.stdout


def test_an_engine_with_a_gpu_is_closed_too(tmp_path: Path) -> None:
    unit = tmp_path / "edgewise-engine@.service"
    unit.write_text((UNITS / unit.name).read_text() + GPU)
    done = analyze("security", "--offline=true", "--no-pager", "--threshold=10", unit)
    assert done.returncode == 0, done.stdout


def test_the_daemon_asks_where_the_engine_listens() -> None:
    daemon, socket = settings("edgewise.service"), settings("edgewise-engine.socket")
    assert daemon["Environment"] == f"EDGEWISE_ENGINE_SOCKET={socket['ListenSequentialPacket']}"
    assert daemon["SupplementaryGroups"] == socket["SocketGroup"]
    assert f"g {socket['SocketGroup']} " in (UNITS / "sysusers.conf").read_text()


def test_no_user_is_called_like_the_group() -> None:
    """systemd does not make a dynamic user whose name is taken by a group that stays."""
    group = settings("edgewise-engine.socket")["SocketGroup"]
    assert group not in {settings(unit)["User"] for unit in SERVICES}


def test_the_kernel_ends_the_engine_before_the_daemon() -> None:
    daemon, engine = (int(settings(unit)["OOMScoreAdjust"]) for unit in SERVICES)
    assert daemon < 0 < engine


def test_the_daemon_has_no_limit_that_it_would_take_for_that_of_the_models() -> None:
    for unit in ("edgewise.service", "edgewise.slice"):
        assert not {"MemoryMax", "MemoryHigh"} & settings(unit).keys()


def test_the_daemon_is_started_again_for_ever() -> None:
    assert settings("edgewise.service")["StartLimitIntervalSec"] == "0"
    assert settings("edgewise.service")["Restart"] == "always"
