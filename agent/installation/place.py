"""Where an installation is."""

from dataclasses import dataclass
from pathlib import Path

UNITS = ("edgewise-engine.socket", "edgewise.service")  # what is started, in this order


@dataclass(frozen=True)
class Place:
    """The paths of an installation.

    Attributes:
        prefix: the folder of its versions, as it will be called when it runs.
        root: below which everything is written; `/` for this computer.
    """

    prefix: Path
    root: Path = Path("/")

    def at(self, path: Path | str) -> Path:
        """Return where a path is written."""
        return self.root / str(path).lstrip("/")

    @property
    def live(self) -> bool:
        """Whether this is for the computer that runs, rather than for a tree that will be one."""
        return self.root == Path("/")

    @property
    def versions(self) -> Path:
        """The folder of the versions and of `current`, as written."""
        return self.at(self.prefix)

    @property
    def current(self) -> Path:
        """The link to the version that runs."""
        return self.versions / "current"

    @property
    def units(self) -> Path:
        """The folder of the units."""
        return self.at("/etc/systemd/system")

    @property
    def sysusers(self) -> Path:
        """The file that names the group."""
        return self.at("/etc/sysusers.d/edgewise.conf")

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.at("/etc/edgewise/config.toml")

    @property
    def password(self) -> Path:
        """The broker's password."""
        return self.at("/etc/edgewise/mqtt.password")

    @property
    def command(self) -> Path:
        """What people type."""
        return self.at("/usr/local/bin/edgewise")

    @property
    def state(self) -> Path:
        """What the daemon keeps; `/var/lib/edgewise` leads there."""
        return self.at("/var/lib/private/edgewise")

    @property
    def kept(self) -> Path:
        """Copies of the databases from before the last upgrade."""
        return self.state.with_name("edgewise-before-upgrade")
