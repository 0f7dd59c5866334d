"""Another version takes over, and gives back when it is not well."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from agent.errors import InstallError
from agent.installation import versions
from agent.installation.actions import Actions, call
from agent.installation.place import UNITS, Place

_DAEMON = UNITS[-1]
_PATIENCE = 120.0  # seconds for the new version to answer
_LOOK = 0.5


def upgrade(place: Place, actions: Actions, wanted: str, answers: Callable[[], bool]) -> bool:
    """Install a wheel or a version beside the one that runs, and change over.

    Args:
        place: of the installation.
        actions: makes and tells.
        wanted: a file that ends with .whl, or a version of the package index.
        answers: whether the daemon answers over HTTP now.

    Returns:
        Whether the new version runs; False when it was not well and the old one runs again.

    Raises:
        InstallError: nothing is installed, or the new version cannot be made; what ran goes on.
    """
    old = versions.running(place)
    if not old:
        raise InstallError(f"Nothing is installed in {place.prefix}.", hint="Begin with `edgewise install`.")
    new = versions.other(place)
    actions.do(f"make {place.versions / new} with {wanted}", lambda: versions.make_from(place, new, wanted))
    actions.run("systemctl", "stop", _DAEMON)
    try:
        actions.do(f"keep a copy of the databases in {place.kept}", lambda: _copy(place.state, place.kept))
    except InstallError:  # the disk is full, for example
        actions.run("systemctl", "start", _DAEMON)
        raise
    try:
        _change(place, actions, new)
        if actions.dry or _well(answers):
            return True
        reason = f"It does not answer within {_PATIENCE:g} s."
    except InstallError as error:
        reason = error.message
    actions.say(f"the new version is not well: {reason}")
    actions.do("stop it", lambda: call("systemctl", "stop", _DAEMON))
    actions.do("put the databases back", lambda: _put_back(place.kept, place.state))
    _change(place, actions, old)
    return False


def _change(place: Place, actions: Actions, name: str) -> None:
    """Have a version run, with the units that come with it."""
    actions.link(place.current, Path(name))
    command = str(place.versions / name / "bin" / "edgewise")
    actions.run(command, "install", "--prefix", str(place.prefix))
    actions.run("systemctl", "start", _DAEMON)


def _well(answers: Callable[[], bool]) -> bool:
    end = time.monotonic() + _PATIENCE
    while not answers():
        if time.monotonic() > end:
            return False
        time.sleep(_LOOK)
    return True


def _copy(state: Path, kept: Path) -> None:
    """Keep the databases, which a new version may change so that an old one cannot read them."""
    if kept.exists():
        shutil.rmtree(kept)
    kept.mkdir(0o700)
    for path in state.glob("*.db*"):
        shutil.copy2(path, kept)


def _put_back(kept: Path, state: Path) -> None:
    for path in state.glob("*.db*"):
        path.unlink()
    for path in kept.iterdir():
        target = state / path.name
        shutil.copy2(path, target)
        shutil.chown(target, state.stat().st_uid, state.stat().st_gid)
