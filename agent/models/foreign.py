"""Models that somebody else has put here, such as root with `sudo cp`, so that they cannot be read."""

import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from agent.models.installed import InstalledModel
from agent.phrase import Phrase


def foreign(root: Path, engine: object) -> dict[str, str]:
    """Return, by name, why models cannot be read that belong to another user, and which command cures that.

    Args:
        root: the directory of all models.
        engine: where an engine is reached that runs as another user, to whom what everybody may read is lent; None or
            empty: ours reads them.
    """
    found = {}
    for directory in _directories(root):
        path = next((path for path in _inside(directory) if _is_closed(path, lent=bool(engine))), None)
        if path is not None:
            found[directory.name] = _said(directory, path)
    return found


def readable(models: Iterable[InstalledModel], root: Path, engine: object) -> list[str]:
    """Return the names of those models that are not in `foreign`, sorted; the arguments are as there."""
    return sorted({model.name for model in models} - foreign(root, engine).keys())


def _directories(root: Path) -> list[Path]:
    try:
        return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:  # without the directory, or the right to read it, there are none
        return []


def _inside(directory: Path) -> Iterator[Path]:
    """Yield a directory and all that can be seen in it."""
    yield directory
    yield from directory.rglob("*")


def _is_closed(path: Path, *, lent: bool) -> bool:
    """Tell whether it is another user's, and not open to who needs it."""
    try:
        status = path.stat()
    except OSError:  # it was removed since, or a closed directory holds it, which is told already
        return False
    if status.st_uid == os.geteuid() or (os.geteuid() == 0 and not lent):
        return False
    needed = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(status.st_mode) else 0)
    if not lent and status.st_gid in {os.getegid(), *os.getgroups()}:
        needed <<= 3  # the group's bits
    return status.st_mode & needed != needed


def _said(directory: Path, path: Path) -> str:
    try:
        owner = pwd.getpwuid(path.stat().st_uid).pw_name
    except (KeyError, OSError):
        owner = "?"
    return Phrase(
        "reasons.foreign",
        "{name} cannot be read: {path} belongs to {owner}. `sudo chown -R --reference={root} {directory}` gives it to"
        " Edgewise.",
        name=directory.name,
        path=path,
        owner=owner,
        root=directory.parent,
        directory=directory,
    )
