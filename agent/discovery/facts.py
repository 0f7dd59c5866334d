"""What a device says of itself to everybody in its network: no secrets, and nothing about people."""

from dataclasses import dataclass
from typing import Protocol

from agent.certificate import certificate
from agent.config import Config
from agent.hostnames import announced_names, unique_name
from agent.security.accounts import Accounts
from agent.state import VERSION, SelectionState

_LABEL = 63  # bytes of a part of a domain name, RFC 1035
_RENAMED = 3  # bytes that stay free for `-2`, when another service has the name
_SHORT_ID = 6  # digits: enough to tell the devices of a house apart
_TEXTS = {"id": 40, "ver": 20, "name": 63, "hw": 40, "model": 64}  # bytes; with the rest less than 400
_FINGERPRINT = 16  # hexadecimal digits of the SHA-256 of the certificate


@dataclass(frozen=True)
class Facts:
    """One device.

    Attributes:
        id: random, for good.
        known_as: what it is called in topics.
        name: what its owner calls it.
        hardware: its firmware profile; empty before it is known.
        model: what is served now; empty while nothing is.
        claimed: whether it has an owner, or needs none.
        fingerprint: of its certificate; empty with plain http.
    """

    id: str
    known_as: str
    name: str
    version: str
    hardware: str = ""
    model: str = ""
    claimed: bool = False
    fingerprint: str = ""

    @property
    def instance(self) -> str:
        """What lists of services show: the name, and some of the id to tell equal names apart."""
        mark = f" ({self.id[:_SHORT_ID]})"
        plain = self.name.replace(".", " ")  # zeroconf would take what stands before a dot for a label of its own
        return cut(plain, _LABEL - _RENAMED - len(mark)) + mark

    @property
    def unique_host(self) -> str:
        """A host name that no other device has."""
        return unique_name(self.id)

    def hosts(self) -> list[str]:
        """Return the host names for people, the best one first; the first that nobody else has is used."""
        return announced_names(self.name)

    def text(self) -> dict[str, str]:
        """Return the TXT record; what is not known is left out."""
        told = {"id": self.known_as, "ver": self.version, "name": self.name, "hw": self.hardware, "model": self.model}
        known = {key: cut(told[key], most) for key, most in _TEXTS.items() if told[key]}
        fingerprint = self.fingerprint.replace(":", "").lower()[:_FINGERPRINT]
        seal = {"tls": "1", "fp": fingerprint} if fingerprint else {"tls": "0"}
        return {"txtvers": "1", **known, "api": "/v1", "claimed": f"{self.claimed:d}", **seal, "path": "/"}


class Device(Protocol):
    """What is asked of the node."""

    id: str
    config: Config
    security: Accounts

    @property
    def name(self) -> str:
        """What the device is called."""
        ...

    def names(self) -> list[str]:
        """Return the names of the models that answer now."""
        ...

    def selection(self) -> SelectionState | None:
        """Return what was chosen."""
        ...


async def facts(device: Device) -> Facts:
    """Return what there is to say of a device now.

    Raises:
        ConfigError: its certificate cannot be read.
        StoreError: it cannot be found out whether it is claimed.
    """
    config, chosen, sealed = device.config, device.selection(), certificate(device.config)
    return Facts(
        id=device.id,
        known_as=config.mqtt_id or device.id,
        name=device.name,
        version=VERSION,
        hardware=chosen.selection.profile if chosen else "",
        model=next(iter(device.names()), ""),
        claimed=config.auth == "open" or await device.security.claim.claimed(),
        fingerprint=sealed.fingerprint() if sealed else "",
    )


def cut(text: str, most: int) -> str:
    """Return as much of a text as fits into some bytes of UTF-8."""
    return text.encode()[:most].decode(errors="ignore").strip()
