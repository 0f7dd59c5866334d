"""The topics of one device: PREFIX/DEVICE/WHAT, so that one line of a broker's access list covers a fleet."""

from collections.abc import Sequence
from dataclasses import dataclass

ALL, GROUPS = "_all", "_grp"


@dataclass(frozen=True)
class Topics:
    """Addresses below `prefix`; `device` never changes, whatever people call it."""

    prefix: str
    device: str

    def own(self, name: str) -> str:
        """Return a topic of this device, such as `status` or `cmd/ping`."""
        return f"{self.prefix}/{self.device}/{name}"

    def subscriptions(self, groups: Sequence[str]) -> list[str]:
        """Return what the device listens to: its own commands, jobs and desired state, and commands for many."""
        many = [f"{self.prefix}/{ALL}/cmd/+", *(f"{self.prefix}/{GROUPS}/{group}/cmd/+" for group in groups)]
        return [self.own("cmd/+"), self.own("desired"), self.own("job/+"), *many]

    def command(self, topic: str) -> tuple[str, bool]:
        """Return the command that a topic is for, empty if it is none, and whether it was sent to many devices."""
        rest = topic.removeprefix(f"{self.prefix}/")
        place, _, name = rest.rpartition("/cmd/")
        return (name, place != self.device) if place else ("", False)

    def job(self, topic: str) -> str:
        """Return the id of the job that a topic is for, empty if it is none."""
        own = self.own("job/")
        rest = topic.removeprefix(own)
        return rest if topic.startswith(own) and "/" not in rest else ""
