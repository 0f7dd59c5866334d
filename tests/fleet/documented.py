"""A broker with the configuration and the access list that the documentation has."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.telemetry.broker import Broker

FOLDER = Path(__file__).parents[2] / "docs" / "integrations"


class Documented(Broker):
    """As documented, but for port and folders."""

    def _lines(self) -> Iterator[str]:
        text = (FOLDER / "mosquitto.conf").read_text(encoding="utf-8")
        for written, here in (
            ("/etc/mosquitto/passwords", self._password_file()),
            ("/etc/mosquitto/acl", FOLDER / "acl"),
            ("/var/lib/mosquitto/", f"{self.folder}/"),
            ("listener 1883\n", f"listener {self.port} 127.0.0.1\n"),
        ):
            assert written in text
            text = text.replace(written, str(here))
        yield from (text, f"user {getpass.getuser()}", "log_dest stderr", "log_type all")


@contextmanager
def documented(folder: Path, *users: str) -> Iterator[Documented]:
    """Run it for the block; the password of each user is their name."""
    running = Documented(folder / "mosquitto", users={name: name for name in users})
    running.start()
    try:
        yield running
    finally:
        running.kill()
