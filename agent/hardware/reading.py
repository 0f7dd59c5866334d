"""How fast the storage gives a file that is not in memory: what loading a model waits for."""

import os
import time
from pathlib import Path

_MOST = 64 << 20  # bytes
_LONGEST = 2.0  # seconds; an SD card gives 80 MB in that time
_PIECE = 1 << 20


def read_rate(path: Path) -> float:
    """Return the bytes per second at which a file is read from the storage; 0 when it cannot be read.

    The kernel is asked to forget its copy first. Where it does not, as for a file that a running engine has mapped, the
    result is that of memory.
    """
    done = 0
    try:
        with path.open("rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            started = time.perf_counter()
            while done < _MOST and time.perf_counter() - started < _LONGEST:
                piece = len(file.read(_PIECE))
                if not piece:
                    break
                done += piece
            return done / (time.perf_counter() - started) if done else 0.0
    except OSError:
        return 0.0
