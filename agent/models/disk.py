"""What the transfers ask of the disk: room, and a clear error when it fails."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.errors import DownloadError
from agent.phrase import Phrase
from agent.units import format_bytes

_MARGIN = 0.05  # file systems need blocks and metadata beyond the bytes themselves


def require_space(directory: Path, needed: int, reserve: int) -> None:
    """Raise DownloadError when `needed` more bytes would not leave `reserve` bytes of the disk."""
    wanted = needed + int(needed * _MARGIN) + reserve
    free = shutil.disk_usage(directory).free
    if free < wanted:
        raise DownloadError(
            Phrase(
                "errors.disk_full",
                "Not enough disk space in {directory}: {wanted_size} needed ({needed_size} to write and a reserve), "
                "{free_size} free.",
                directory=directory,
                wanted_size=format_bytes(wanted),
                needed_size=format_bytes(needed),
                free_size=format_bytes(free),
            ),
            hint=Phrase(
                "errors.disk_full_hint",
                "Make room, for example with `edgewise models rm NAME`, or choose a smaller model.",
            ),
        )


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says about writing `path` into a DownloadError."""
    try:
        yield
    except OSError as error:
        raise DownloadError(
            Phrase("errors.disk_unwritable", "Cannot write {path}: {reason}.", path=path, reason=error.strerror),
            hint=Phrase(
                "errors.disk_unwritable_hint",
                "Check the disk's free space and the permissions; what has arrived is kept.",
            ),
        ) from error
