"""What a process can still say when it dies: which signal or exception, and where in the program.

No message of an exception and no values are written: they could hold what people have said.
"""

import contextlib
import faulthandler
import re
import traceback
from pathlib import Path
from typing import IO

from agent.safe_mode.lives import Ending

_FATAL = re.compile(r"^Fatal Python error: (?P<signal>.+)$", re.MULTILINE)
_CURRENT = re.compile(r"^(?:Current thread|Thread) .*\(most recent call first\):$", re.MULTILINE)
_FRAME = re.compile(r'^  File "(?P<path>.+)", line (?P<line>\d+) in (?P<name>.+)$', re.MULTILINE)
_EXCEPTION = re.compile(r"^Exception: (?P<what>.+)$", re.MULTILINE)
_MOST = 64 * 1024  # bytes that are looked at
_OURS = ("agent", "web")


class LastWords:
    """The file that they are written to. First `read`, then `listen`; it costs nothing until something happens."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def read(self) -> tuple[Ending, str] | None:
        """Return what the last process has said: what ended it and where; None when it said nothing."""
        try:
            with self._path.open(encoding="utf-8", errors="replace") as file:
                text = file.read(_MOST)
        except OSError:
            return None
        if raised := _EXCEPTION.search(text):
            return "exception", raised["what"]
        fatal = _FATAL.search(text)
        return ("signal", f"{fatal['signal']}{_place(text)}") if fatal else None

    def listen(self) -> None:
        """Have the interpreter write down fatal signals from now on."""
        with contextlib.suppress(OSError):
            self._file = self._path.open("w", encoding="utf-8")
            faulthandler.enable(self._file)

    def close(self) -> None:
        """Listen no more."""
        if self._file is not None:
            faulthandler.disable()
            self._file.close()
            self._file = None

    def say(self, error: BaseException) -> None:
        """Write down an exception that ends the process."""
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if _short(frame.filename).startswith(_OURS)] or frames
        where = f" in {_short(ours[-1].filename)}:{ours[-1].lineno} ({ours[-1].name})" if ours else ""
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(f"Exception: {type(error).__name__}{where}\n")


def _place(text: str) -> str:
    """Return where in the program the thread was that died: its innermost frame, and the innermost of ours."""
    current = _CURRENT.search(text)
    stack = text[current.end() :].partition("\n\n")[0] if current else ""
    frames = [(_short(found["path"]), found["line"], found["name"]) for found in _FRAME.finditer(stack)]
    if not frames:
        return ""
    ours = next((frame for frame in frames if frame[0].startswith(_OURS)), frames[0])
    path, line, name = ours
    return f" in {path}:{line} ({name})"


def _short(path: str) -> str:
    """Return a path from the package on: where it is installed is nobody's business."""
    parts = Path(path).parts
    start = next((at for at in range(len(parts) - 1, -1, -1) if parts[at] in _OURS), len(parts) - 1)
    return "/".join(parts[start:])
