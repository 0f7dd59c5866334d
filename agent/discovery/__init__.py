"""Being found in the local network, by mDNS (RFC 6762) and DNS-SD (RFC 6763). Only this package imports zeroconf."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

SERVICE = "_edgewise._tcp.local."

State: TypeAlias = Literal["off", "waiting", "announced", "failed"]


@dataclass(frozen=True)
class DiscoveryStatus:
    """How it stands with being found, for people.

    Attributes:
        state: waiting: for an address in a network; failed: it is tried again.
        name: host name that leads to this device; empty while none does.
        reason: what is wrong, in a sentence.
        hint: what to do about it.
    """

    state: State
    name: str = ""
    reason: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Broker:
    """An MQTT broker that announces itself."""

    name: str
    url: str
