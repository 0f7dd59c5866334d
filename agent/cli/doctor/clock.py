"""The clock, by which reports are stamped and certificates are judged."""

from collections.abc import Iterator

from agent.cli.doctor.case import Case
from agent.cli.doctor.finding import Finding, bad, ok, warn
from agent.known_time import WRITTEN
from agent.telemetry.kernel_time import KernelTime
from agent.units import format_duration

_SLACK = 3600.0  # seconds by which files may be younger than now: somebody has corrected the clock
_ESTIMATES = "reports are stamped with estimates, and corrected once the network or the hub has told the time"


def look(case: Case) -> Iterator[Finding]:
    """Yield whether the network has set the clock, and whether it can be right."""
    clock = KernelTime()
    now = clock.wall()
    if clock.synchronised():
        yield ok("clock: set by the network")
    elif now < WRITTEN:
        yield bad("clock-wrong", "clock: wrong, and not set by the network", f"see to NTP; {_ESTIMATES}")
    else:
        yield ok("clock: nobody says that the network has set it", _ESTIMATES)
    ahead = _newest(case) - now
    if ahead > _SLACK:
        what = f"clock: {format_duration(ahead)} behind the newest file of the state directory"
        yield warn("clock-behind", what, f"see to NTP: `timedatectl`; {_ESTIMATES}")


def _newest(case: Case) -> float:
    directory = case.config.state_dir
    if not directory.is_dir():
        return 0.0
    return max((path.lstat().st_mtime for path in directory.iterdir()), default=0.0)
