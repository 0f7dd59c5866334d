"""A clock that nobody sets: small computers often start in 1970 and learn the time later, or never.

It counts on through sleep, is the same for every process, and starts anew with each boot.
"""

import math
import time
from pathlib import Path

import msgspec

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Moment(msgspec.Struct, frozen=True):
    """A point in time: `seconds` after the boot with the id `boot`."""

    boot: str
    seconds: float


def now() -> Moment:
    """Return this moment."""
    return Moment(_BOOT_ID.read_text(encoding="ascii").strip(), time.clock_gettime(time.CLOCK_BOOTTIME))


def seconds_between(earlier: Moment, later: Moment) -> float:
    """Return how long one moment is before another; infinite when the computer was restarted between them."""
    return later.seconds - earlier.seconds if earlier.boot == later.boot else math.inf
