"""The clocks of the kernel, and whether the network has set them."""

import ctypes
import time
from pathlib import Path

_TIMEX_BYTES = 256  # more than `struct timex` takes on any architecture (208 on 64-bit ones); all zero: change nothing
_TIME_ERROR = 5  # what adjtimex(2) returns while the clock is not synchronised
_SYNCHRONISED = Path("/run/systemd/timesync/synchronized")  # systemd-timesyncd makes it at its first success
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class KernelTime:
    """Looks at the clocks; never changes them.

    Attributes:
        boot: id of this run of the kernel, another one after each start of the computer.
    """

    def __init__(self) -> None:
        self.boot = _boot_id()
        self._libc = ctypes.CDLL(None)

    def mono(self) -> float:
        """Return the seconds since the computer was started, sleep included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self) -> float:
        """Return the seconds since 1970 as the computer believes."""
        return time.time()

    def synchronised(self) -> bool:
        """Return whether the kernel was told the time by the network, and not too long ago."""
        try:
            state = int(self._libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
        except AttributeError:  # a C library without it
            state = -1
        if state < 0:  # systemd's ProtectClock= forbids the call, even to those who only ask
            return _SYNCHRONISED.exists()
        return state != _TIME_ERROR


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
