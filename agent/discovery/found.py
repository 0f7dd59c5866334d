"""A device that was found, as it says of itself. Anybody in the network can say anything."""

from collections.abc import Mapping, Sequence
from typing import Self

import msgspec

_LONGEST = 63  # characters of a text that is shown


class Found(msgspec.Struct, frozen=True):
    """One device.

    Attributes:
        url: where its pages are.
        id: what it is called in topics.
        hardware: its firmware profile.
        status: as `/healthz` says, where it is told; `active` likewise: requests in progress or waiting.
    """

    name: str
    url: str
    id: str = ""
    model: str = ""
    version: str = ""
    hardware: str = ""
    claimed: bool = False
    status: str = ""
    active: int | None = None

    @classmethod
    def told(cls, instance: str, places: Sequence[str], port: int, text: Mapping[str, str]) -> Self:
        """Return what a service has told: its name, addresses, port and TXT record."""
        seen = {key: shown(value) for key, value in text.items()}
        return cls(
            name=seen.get("name") or shown(instance),
            url=f"{'https' if seen.get('tls') == '1' else 'http'}://{places[0]}:{port}",
            id=seen.get("id", ""),
            model=seen.get("model", ""),
            version=seen.get("ver", ""),
            hardware=seen.get("hw", ""),
            claimed=seen.get("claimed") == "1",
        )


def shown(text: str) -> str:
    """Return a text that does nothing to a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_LONGEST])
