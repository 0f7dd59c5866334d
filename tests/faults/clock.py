"""A clock that a test sets, for a daemon and its children; the computer's own is left alone."""

import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("clock.c")
HOUR = 3600.0


class Clock:
    """The time of day of daemons that are started while it is there; they follow it as it is set."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("there is no C compiler")
        library = folder / "clock.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE], check=True)
        self._file = folder / "clock"
        self.shift(0.0)
        monkeypatch.setenv("FAULTS_CLOCK", str(self._file))
        monkeypatch.setenv("LD_PRELOAD", str(library))

    def set(self, seconds: float) -> None:
        """Say that it is so many seconds after the beginning of 1970."""
        self.shift(seconds - time.time())

    def shift(self, seconds: float) -> None:
        """Be so many seconds before or after the real time."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("<q", round(seconds * 1e9)))
