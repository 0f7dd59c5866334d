"""A small disk of its own for a state directory, which a test can fill, empty, and let fail until nobody may write.

It is an ext4 file system in a sparse file: what fills it is reserved and never written, so that a test costs nothing.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

_BALLAST = "ballast"
_STEPS = tuple(1 << bits for bits in (26, 23, 20, 17, 14, 12, 10))  # bytes
_OPTIONS = "loop,errors=remount-ro"


@dataclass(frozen=True)
class Disk:
    """The file system: where it is mounted, and the file that holds it."""

    folder: Path
    image: Path

    @property
    def state(self) -> Path:
        """Where a device keeps its state on it."""
        return self.folder / "state"

    def fill(self) -> None:
        """Leave no room."""
        with (self.folder / _BALLAST).open("ab") as file:
            for step in _STEPS:
                with suppress(OSError):
                    while True:
                        os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), step)

    def make_room(self) -> None:
        """Take away what fills it."""
        (self.folder / _BALLAST).unlink()

    def fail(self) -> None:
        """Have the kernel find an error: from now on nobody may write, whatever they have open."""
        device = self.folder.stat().st_dev
        name = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
        Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("1")

    def mount(self, *options: str) -> None:
        """Mount it, for example with `ro`."""
        command = ["/bin/mount", "-o", ",".join((_OPTIONS, *options)), str(self.image), str(self.folder)]
        subprocess.run(command, check=True, capture_output=True)

    def unmount(self) -> None:
        """Take it away."""
        subprocess.run(["/bin/umount", "--lazy", self.folder], check=True)  # somebody may still be about to end


@contextmanager
def disk(folder: Path, megabytes: int = 512) -> Iterator[Disk]:
    """Mount a disk for the block; who may not mount anything skips the test."""
    made = Disk(folder, folder.with_suffix(".img"))
    folder.mkdir()
    try:
        with made.image.open("wb") as image:
            image.truncate(megabytes << 20)
        subprocess.run(["/sbin/mkfs.ext4", "-q", "-m", "0", made.image], check=True, capture_output=True)
        made.mount()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no disk can be mounted: {error}")
    try:
        yield made
    finally:
        made.unmount()
        made.image.unlink()
