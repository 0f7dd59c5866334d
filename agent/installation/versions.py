"""The versions of Edgewise below one folder: `A`, `B`, …, each a virtual environment, and `current`, which runs."""

import compileall
import importlib.metadata
import re
import shutil
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution
from pathlib import Path

from agent.errors import InstallError
from agent.installation.actions import call
from agent.installation.place import Place

_ABOVE = Path(__file__).parents[2]
_FOLDERS = ("agent", "web", "firmware-profiles", "systemd")
_DOCS = Path("share") / "doc" / "edgewise"  # what the units name as their documentation
_HOMES = ("/home", "/root", "/run/user")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def running(place: Place) -> str:
    """Return the name of the version that runs; empty when there is none."""
    return place.current.readlink().name if place.current.is_symlink() else ""


def other(place: Place) -> str:
    """Return the name for the next version."""
    return "B" if running(place) == "A" else "A"


def require_system_python(place: Place) -> None:
    """Raise `InstallError` when the services would not find this Python: home directories are closed to them."""
    base = str(Path(sys.base_prefix).resolve())
    if place.live and base.startswith(_HOMES):
        raise InstallError(
            f"This Python is in a home directory: {base}.",
            hint="Set Edgewise up with the system's own: make clean; make setup PYTHON=/usr/bin/python3",
        )


def make(place: Place, name: str) -> None:
    """Make a version out of the one that runs this: its packages, as they are, without a network.

    What is compiled for this processor is not compiled again.
    """
    home = place.versions / name
    _new(home, pip=False)
    packages = _packages(home)
    for distribution in _needed("edgewise", set()):
        _copy(distribution, packages)
    _copy_ourselves(packages)
    _copy_docs(home)
    _finish(place, name)


def make_from(place: Place, name: str, wanted: str) -> None:
    """Make a version with another Edgewise: a wheel, or a version of the package index.

    Raises:
        InstallError: pip cannot install it.
    """
    home = place.versions / name
    _new(home, pip=True)
    for distribution in importlib.metadata.distributions(path=[str(_packages(place.current))]):
        if distribution.name not in {"edgewise", "pip"}:
            _copy(distribution, _packages(home))
    what = str(Path(wanted).absolute()) if wanted.endswith(".whl") else f"edgewise=={wanted}"
    call(str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", what)
    _finish(place, name)


def _new(home: Path, *, pip: bool) -> None:
    if home.exists():
        shutil.rmtree(home)
    home.mkdir(0o755, parents=True)
    venv.create(home, symlinks=True, with_pip=pip)


def _packages(home: Path) -> Path:
    return home / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"


def _needed(name: str, seen: set[str]) -> Iterator[Distribution]:
    """Yield a distribution and all that it needs, as far as they are here."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in seen:
        return
    seen.add(key)
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:  # for other processors, other versions of Python, extras
        return
    yield distribution
    for requirement in _requirements(distribution):
        found = _NAME.match(requirement)
        if found and "extra ==" not in requirement:
            yield from _needed(found[0], seen)


def _requirements(distribution: Distribution) -> list[str]:
    """Return what a distribution needs; a checkout may have moved on since its environment was made."""
    project = _ABOVE / "pyproject.toml"
    if distribution.name == "edgewise" and project.is_file():
        found: list[str] = tomllib.loads(project.read_text())["project"]["dependencies"]
        return found
    return distribution.requires or []


def _copy(distribution: Distribution, packages: Path) -> None:
    for file in distribution.files or []:
        source = Path(str(distribution.locate_file(file)))
        if ".." in file.parts or "__pycache__" in file.parts or not source.is_file():
            continue  # commands, which name their interpreter; what is compiled anew
        target = packages / file
        target.parent.mkdir(0o755, parents=True, exist_ok=True)
        shutil.copy(source, target)


def _copy_ourselves(packages: Path) -> None:
    """Copy the packages of a checkout, of which its environment knows only the place."""
    for stale in packages.glob("*edgewise*.pth"):
        stale.unlink()
    for folder in _FOLDERS:
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(_ABOVE / folder, packages / folder, ignore=skip, dirs_exist_ok=True)


def _copy_docs(home: Path) -> None:
    """Copy the documentation, of a checkout or of what a wheel has installed."""
    for docs in (_ABOVE / "docs", Path(sys.prefix) / _DOCS):
        if docs.is_dir():
            shutil.copytree(docs, home / _DOCS)
            return


def _finish(place: Place, name: str) -> None:
    """Add the command, compile, since the services may not write here, and let everybody read."""
    home = place.versions / name
    command = home / "bin" / "edgewise"
    command.write_text(f"#!{place.prefix / name / 'bin' / 'python'}\nfrom agent.cli import main\n\nmain()\n")
    command.chmod(0o755)
    compileall.compile_dir(_packages(home), quiet=2)
    for path in home.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
