"""The wheel holds everything, runs away from the checkout, and the lock files agree with pyproject.toml."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = PROJECT["dependency-groups"]
LOCKS = {
    "requirements.lock": PROJECT["project"]["dependencies"],
    "requirements-dev.lock": PROJECT["project"]["dependencies"] + GROUPS["dev"],
    "requirements-build.lock": GROUPS["build"],
    "requirements-bench.lock": GROUPS["bench"],
    "requirements-fuzz.lock": GROUPS["fuzz"],
}
FOLDERS = ("agent", "web", "firmware-profiles", "systemd")
PIN = re.compile(r"^(\S+)==(\S+)(?: ; (.+?))? \\$", re.MULTILINE)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True)
    return next(folder.glob("edgewise-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bin folder of an environment that has this wheel, and the dependencies of this one."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True)
    packages = next(home.glob("lib/python*/site-packages"))
    # A folder named in a .pth file does not have its own .pth files read: the editable project stays out.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return home / "bin"


def run(*command: str | Path, cwd: Path) -> str:
    env = {"PATH": os.environ["PATH"], "HOME": str(cwd)}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    files = [path for name in FOLDERS for path in (ROOT / name).rglob("*") if path.is_file()]
    expected = {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}
    held = set(zipfile.ZipFile(wheel).namelist())
    assert expected <= held
    assert {name.split("/")[0] for name in held if ".d" not in name.split("/")[0]} == set(FOLDERS)


def test_the_documentation_that_the_units_name_comes_with_it(installed: Path) -> None:
    for page in (ROOT / "docs").glob("*.md"):
        assert (installed.parent / "share" / "doc" / "edgewise" / page.name).read_bytes() == page.read_bytes()


def test_the_installed_command_runs_away_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    where = run(installed / "python", "-c", "import agent; print(agent.__file__)", cwd=tmp_path)
    assert where.startswith(str(installed.parent))
    assert PROJECT["project"]["version"] in run(installed / "edgewise", "--version", cwd=tmp_path)
    assert "state" in run(installed / "edgewise", "config", cwd=tmp_path)


def test_the_firmware_profiles_are_found_away_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    code = "from agent.profiles import built_in, load_profiles; print(built_in(), len(load_profiles(built_in())))"
    where, _, count = run(installed / "python", "-c", code, cwd=tmp_path).rpartition(" ")
    assert where.startswith(str(installed.parent))
    assert int(count) == len(list((ROOT / "firmware-profiles").glob("*.toml")))


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_satisfies_pyproject(lock: str) -> None:
    pins = [
        (canonicalize_name(name), version)
        for name, version, marker in PIN.findall((ROOT / lock).read_text(encoding="utf-8"))
        if not marker or Marker(marker).evaluate()
    ]
    locked = dict(pins)
    assert len(locked) == len(pins)
    for requirement in map(Requirement, LOCKS[lock]):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), requirement


def test_the_tests_run_with_the_versions_that_users_get() -> None:
    run_pins = _versions("requirements.lock")
    assert run_pins
    assert run_pins <= _versions("requirements-dev.lock")


def _versions(lock: str) -> set[tuple[str, str]]:
    """Return names and versions; for whom they are needed may differ, the tests need some of them everywhere."""
    return {(name, version) for name, version, _ in PIN.findall((ROOT / lock).read_text(encoding="utf-8"))}


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_names_hashes_and_no_place(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert text.count("==") <= text.count("--hash=sha256:")
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
