"""How the daemon has ended before: crashes, and whether it runs in safe mode because of them."""

import time
from collections.abc import Iterator

from agent.cli.doctor.case import Case
from agent.cli.doctor.finding import Finding, bad, warn
from agent.safe_mode import marker
from agent.safe_mode.lives import Crash
from agent.safe_mode.safe_mode import record_path
from agent.safe_mode.saying import how
from agent.units import format_duration

_WEEK = 7 * 86_400.0  # seconds for which a crash is worth a word
_LEAVE = "`edgewise safe-mode leave` tries everything again"


def look(case: Case) -> Iterator[Finding]:
    """Yield the level of safe mode and the latest crash."""
    case.enter()
    told = case.health.safe_mode if case.health else None
    lives = marker.read(record_path(case.config.state_dir))
    if told is not None:
        yield bad("safe-mode", f"safe mode, level {told.level}. {told.reason}", told.way_out or _LEAVE)
    elif case.answer == "none" and lives.level:
        yield bad("safe-mode", f"the daemon would start in safe mode, level {lives.level}", _LEAVE)
    recent = [crash for crash in lives.crashes if 0 <= time.time() - crash.begun < _WEEK]
    if recent:
        yield _crash(recent[-1], len(recent))


def _crash(latest: Crash, count: int) -> Finding:
    often = "once" if count == 1 else f"{count} times"
    since = format_duration(time.time() - latest.begun)
    what = f"the daemon has ended {often} in a week without being asked to; the last life began {since} ago"
    return warn(
        "crashes", f"{what}: {how(latest)}", "`journalctl -u edgewise` says more; for power cuts see to the supply"
    )
