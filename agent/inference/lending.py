"""Models for an engine that runs as another user."""

import contextlib
import stat
from pathlib import Path

_READ = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
_ENTER = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


def lend(models: Path) -> None:
    """Let every user read the models. Who gets as far as their folder is up to the folders above it."""
    models.mkdir(parents=True, exist_ok=True)
    for path in (models, *models.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            with contextlib.suppress(PermissionError):  # root has brought it: see agent.models.foreign
                path.chmod(stat.S_IMODE(mode) | _READ | (_ENTER if stat.S_ISDIR(mode) else 0))
