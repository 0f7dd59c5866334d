"""All devices on a broker, from the messages that they publish."""

import msgspec

from agent.fleet.device import Device, News
from agent.fleet.facts import Values
from agent.telemetry.message import Incoming
from agent.telemetry.topics import Topics

_HEARD = ("status", "birth", "state", "telemetry", "event", "log")
_ANY = "+"


class Fleet:
    """Knows each device by its topics below one prefix.

    Attributes:
        devices: by id.
        malformed: messages that could not be understood.
    """

    def __init__(self, prefix: str) -> None:
        self.devices: dict[str, Device] = {}
        self.malformed = 0
        self._prefix = prefix

    def subscriptions(self) -> list[str]:
        """Return what to listen to."""
        return [Topics(self._prefix, _ANY).own(what) for what in _HEARD]

    def hear(self, message: Incoming, now: int) -> list[News]:
        """Take note of a message, and return what in it is worth a line.

        Args:
            message: as it came.
            now: milliseconds since 1970.
        """
        place, what = self._parts(message.topic)
        if not place:
            return []
        if not message.payload:
            return self._removed(place, what)
        device = self.devices.get(place) or Device(place)
        try:
            news = list(device.hear(what, message.payload))
            device.seen = max(device.seen, _heard_at(message, what, now))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self.malformed += 1
            return []
        self.devices[place] = device
        return news

    def place(self, topic: str) -> str:
        """Return the device that a topic is of; empty if it is none of ours."""
        return self._parts(topic)[0]

    def _parts(self, topic: str) -> tuple[str, str]:
        """Return the device that a topic is of, and its last level; nothing if it is none of ours."""
        start = f"{self._prefix}/"
        place, _, what = topic.removeprefix(start).rpartition("/")
        ours = topic.startswith(start) and what in _HEARD and "/" not in place
        return (place, what) if ours else ("", "")

    def _removed(self, place: str, what: str) -> list[News]:
        """Forget a device whose birth was taken from the broker."""
        if what != "birth" or self.devices.pop(place, None) is None:
            return []
        return [News(place, "was removed")]


def _heard_at(message: Incoming, what: str, now: int) -> int:
    """Return when a device was heard: what lay at the broker says so itself, or does not."""
    if not message.retain:
        return 0 if what == "status" and message.payload == b"offline" else now  # that may be its Will
    return min(msgspec.json.decode(message.payload, type=Values).ts, now) if what in {"birth", "state"} else 0
