"""Control groups of the kernel, where a test may make some: as root, with version 1 or 2."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.web.daemon import eventually

_ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class MemoryGroup:
    """A group whose processes may have no more memory than its limit; the kernel ends one that wants more."""

    folder: Path

    def take(self, pid: int) -> None:
        """Put a process into the group."""
        (self.folder / "cgroup.procs").write_text(str(pid))

    def kills(self) -> int:
        """Return how many processes the kernel has ended."""
        name = "memory.oom_control" if self._first else "memory.events"
        lines = (self.folder / name).read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))

    def limit(self, size: int) -> None:
        """Set the most bytes that all of them together may have."""
        (self.folder / ("memory.limit_in_bytes" if self._first else "memory.max")).write_text(str(size))

    @property
    def _first(self) -> bool:
        return (self.folder / "memory.oom_control").exists()


@contextmanager
def memory_group(size: int) -> Iterator[MemoryGroup]:
    """Make a group for the block, with a limit of so many bytes; without the right to, the test is skipped."""
    parent = _ROOT / "memory" if (_ROOT / "memory").is_dir() else _ROOT
    folder = parent / f"edgewise-test-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made: {error}")
    group = MemoryGroup(folder)
    try:
        group.limit(size)
        yield group
    finally:
        eventually(lambda: not (folder / "cgroup.procs").read_text(), 20)
        folder.rmdir()
