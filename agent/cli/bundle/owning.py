"""What root writes into the state directory of another user is for that user."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def owned(state_dir: Path) -> Iterator[None]:
    """Give what root has in the directory afterwards to the owner of the directory."""
    try:
        yield
    finally:
        owner = state_dir.stat() if state_dir.is_dir() else None
        if owner is not None and owner.st_uid and not os.geteuid():
            for path in state_dir.rglob("*"):
                if not path.lstat().st_uid:
                    os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
