"""The name under which a request asks for us: only our own are answered.

A page on the internet can let its own name resolve to an address in the reader's network (DNS rebinding); to the
browser we are then a part of that page, which may read all we say. Its name in the `Host` header gives it away.
`X-Forwarded-Host` is not read: anybody can send it.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agent.hostnames import host_names

_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?)(?::(?P<port>\d{1,5}))?")
_PORTS = range(1, 1 << 16)
_LOOPBACK_NAME = "localhost"


@dataclass(frozen=True, slots=True)
class Host:
    """A host as a URL or a `Host` header names it, in one spelling; `port` is None where it is not said."""

    name: str
    port: int | None

    @property
    def address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The address that the name is, if it is one."""
        return as_address(self.name)

    @property
    def is_loopback(self) -> bool:
        """Whether only this computer can mean us by it."""
        return self.name == _LOOPBACK_NAME or (self.address is not None and self.address.is_loopback)


def parse(text: str) -> Host | None:
    """Return the host that a text such as `box.local.:8080` or `[::1]` names; None when it names none."""
    found = _HOST.fullmatch(text.lower())
    if found is None or (found["v6"] and as_address(found["v6"]) is None):
        return None
    port = int(found["port"]) if found["port"] else None
    return None if port is not None and port not in _PORTS else Host(found["v6"] or found["name"], port)


def as_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address that a text is, or None."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address  # a dual-stack socket names IPv4 clients ::ffff:192.0.2.1


class Hosts:
    """The names of one device.

    Args:
        bound: the setting `host`.
        names: the setting `names`.
        device: returns what the owner calls the device now.
        announced: returns the names that the network was told.
    """

    def __init__(
        self,
        bound: str,
        names: Iterable[str],
        device: Callable[[], str],
        announced: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self._fixed = {_LOOPBACK_NAME, bound.lower()}
        self._names = [name.lower() for name in names]
        self._device = device
        self._announced = announced

    def has(self, host: Host) -> bool:
        """Tell whether a host is ours. Addresses always are: a page cannot have one of ours as its own name."""
        if host.address is not None or host.name in self._fixed:
            return True
        return host.name in host_names(self._device(), [*self._names, *self._announced()])
