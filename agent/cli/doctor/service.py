"""The service: what systemd says of our units."""

import subprocess
from collections.abc import Iterator, Mapping

from agent.cli.doctor.case import Case
from agent.cli.doctor.finding import Finding, bad, ok, warn
from agent.installation.place import UNITS

_PATIENCE = 5.0  # seconds
_WANTED = ("LoadState", "ActiveState", "SubState", "NRestarts", "Result", "StatusText")
_SOCKET, _DAEMON = UNITS
_SCOPES: tuple[tuple[str, ...], ...] = ((), ("--user",))  # flags of systemctl: of the system, of who asks


def look(case: Case) -> Iterator[Finding]:
    """Yield whether systemd runs the daemon, and how often it had to start it again."""
    if not (case.root / "run/systemd/system").is_dir():
        yield ok("systemd does not run this computer")
        return
    units = [(flags, shown) for flags in _SCOPES if (shown := _shown(_DAEMON, flags)).get("LoadState") == "loaded"]
    units.sort(key=lambda found: found[1].get("ActiveState") != "active")  # of two the one that runs
    if not units:
        yield ok("not installed as a service", "`sudo edgewise install` does that")
        return
    flags, shown = units[0]
    yield from unit(shown)
    if not flags and shown.get("ActiveState") == "active":
        yield from _socket(_shown(_SOCKET, flags))


def unit(shown: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what the properties of the daemon's unit tell."""
    state = f"{shown.get('ActiveState', '')} ({shown.get('SubState', '')})"
    if shown.get("ActiveState") in {"active", "reloading"}:
        yield ok(f"{_DAEMON}: {state}")
    elif shown.get("Result", "success") != "success":
        what = f"{_DAEMON}: {state}, it ended with {shown['Result']}"
        yield bad("service-failed", what, "`journalctl -u edgewise -e` says why")
    else:
        yield warn(
            "service-stopped",
            f"{_DAEMON}: {state}",
            "`sudo systemctl start edgewise`, or with `--user` and without `sudo`",
        )
    again = int(shown.get("NRestarts") or 0)
    if again:
        often = "once" if again == 1 else f"{again} times"
        yield warn("service-restarts", f"systemd had to start it again {often}", "`journalctl -u edgewise` says why")


def _socket(shown: Mapping[str, str]) -> Iterator[Finding]:
    if shown.get("LoadState") == "loaded" and shown.get("ActiveState") != "active":
        what = f"{_SOCKET}: {shown.get('ActiveState', '')}, so that no engine can be started"
        yield bad("service-failed", what, f"`sudo systemctl start {_SOCKET}`")


def _shown(name: str, flags: tuple[str, ...]) -> Mapping[str, str]:
    """Return properties of a unit; none where systemd cannot be asked."""
    command = ["systemctl", *flags, "show", name, f"--property={','.join(_WANTED)}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)  # noqa: S603 - ours
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return {}
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
