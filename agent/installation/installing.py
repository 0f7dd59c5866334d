"""Installing and removing."""

import grp
import os
import re
from pathlib import Path

from agent.errors import InstallError
from agent.hardware import probe
from agent.installation import units, versions
from agent.installation.actions import Actions, call
from agent.installation.place import UNITS, Place

_CONFIG = """\
# Settings: docs/configuration.md. In force after `systemctl reload edgewise`, some after a restart.
state_dir = "/var/lib/edgewise"
"""


def require_systemd(place: Place) -> None:
    """Raise `InstallError` where nothing can be installed: no root, no systemd."""
    if not place.live:
        return
    if os.geteuid() != 0:
        raise InstallError("Only root can install services.", hint="Say `sudo` before it, or look with `--dry-run`.")
    if not Path("/run/systemd/system").is_dir():
        raise InstallError(
            "systemd does not run this computer.", hint="Start `edgewise run` by what does, as a user of its own."
        )


def install(place: Place, actions: Actions) -> None:
    """Have Edgewise run on this computer from now on, and after each start of it. Twice is as good as once.

    Raises:
        InstallError: a step failed; those before it are done, and are not done again the next time.
    """
    if not versions.running(place):
        versions.require_system_python(place)
        name = versions.other(place)
        actions.do(f"copy Edgewise to {place.versions / name}", lambda: versions.make(place, name))
        actions.link(place.current, Path(name))
    before = actions.changes
    for path, text in files(place).items():
        if text:
            actions.write(path, text)
        else:
            actions.remove(path)
    if not place.config.exists():
        actions.write(place.config, _CONFIG)
    actions.link(place.command, place.prefix / "current" / "bin" / "edgewise")
    if actions.changes > before:
        actions.run("systemd-sysusers", str(place.sysusers))
        actions.run("systemctl", "daemon-reload")
    actions.run("systemctl", "enable", "--now", *UNITS)


def uninstall(place: Place, actions: Actions, *, purge: bool) -> None:
    """Remove the services and all versions; with `purge` also settings, models, people and chats.

    Raises:
        InstallError: a step failed.
    """
    if (place.units / UNITS[-1]).exists():
        actions.run("systemctl", "disable", "--now", *UNITS)
        actions.run("systemctl", "stop", "edgewise-engine.slice")
    for path in files(place):
        actions.remove(path)
        if path.parent.parent == place.units and path.parent.is_dir() and not any(path.parent.iterdir()):
            actions.do(f"remove {path.parent}", path.parent.rmdir)
    actions.remove(place.command)
    actions.remove(place.versions)
    if purge:
        actions.remove(place.state)
        actions.remove(place.kept)
        actions.remove(place.at("/var/lib/edgewise"))
        actions.remove(place.config.parent)
    actions.run("systemctl", "daemon-reload")


def files(place: Place) -> dict[Path, str]:
    """Return what is written for systemd on this computer; an empty text for a file that is not to be there."""
    found = units.devices(place.root)
    owned = {group for path in found if (group := _group(place.at(path)))}
    memory = probe(place.root).memory.total
    added = units.drop_ins(memory, found, sorted(owned), _systemd() if place.live else 0, place.password)
    texts = {**units.shipped(place.prefix), **added}
    return {place.sysusers: units.sysusers(), **{place.units / name: text for name, text in texts.items()}}


def _group(device: Path) -> str:
    number = device.stat().st_gid
    try:
        return grp.getgrgid(number).gr_name if number else ""
    except KeyError:
        return ""


def _systemd() -> int:
    found = re.search(r"^systemd (\d+)", call("systemctl", "--version"))
    return int(found[1]) if found else 0
