"""By which names and addresses others in the network reach this device."""

import fcntl
import ipaddress
import re
import socket
import struct
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_SIOCGIFADDR = 0x8915  # the IPv4 address of an interface: netdevice(7)
_INTERFACE_NAME = 16  # bytes of struct ifreq before the address
_ADDRESS_AT = slice(20, 24)  # after the name, the family and the port of the sockaddr_in
_DEFAULT_ROUTE = "00000000"
_PASSING = 0x01 | 0x20 | 0x40  # IFA_F_TEMPORARY, _DEPRECATED, _TENTATIVE: gone tomorrow, or not there yet
EVERYWHERE = {"0.0.0.0": (4,), "::": (4, 6)}  # noqa: S104 - compared with, not bound to; versions of IP
_INSIDE = ("docker", "br-", "veth", "virbr", "cni", "podman", "lxc")  # bridges to containers, which no phone can reach


def host_names(device: str, more: Iterable[str] = ()) -> list[str]:
    """Return the names that are ours, the best for people first, in lower case.

    Args:
        device: what the owner calls the device.
        more: the setting `names`.
    """
    system = socket.gethostname().lower().rstrip(".")
    first = system.split(".")[0]
    ours = [f"{slug(device)}.local", f"{first}.local", system, first, f"{system}.local", *more]
    return [name for name in dict.fromkeys(name.lower().rstrip(".") for name in ours) if name.strip(".") != "local"]


def announced_names(device: str) -> list[str]:
    """Return the names for people under which mDNS may lead here; the first that nobody else has is used."""
    plain = slug(device) or "edgewise"
    return [f"{plain}{number}.local" for number in ("", *(f"-{count}" for count in range(2, 10)))]


def unique_name(identifier: str) -> str:
    """Return a host name that no other device has, from the id that this one has for good."""
    return f"edgewise-{identifier}.local"


def slug(name: str) -> str:
    """Return a name as a part of a host name: letters a-z, digits and hyphens; may be empty."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def addresses() -> list[Address]:
    """Return the addresses of this device in its networks, that of the default route first; asks nobody."""
    interfaces = [name for _, name in socket.if_nameindex() if not name.startswith(_INSIDE)]
    interfaces.sort(key=lambda name: name not in _default_routes())
    found: list[Address] = [address for name in interfaces if (address := _ipv4(name))]
    found += [address for name in interfaces for address in _ipv6(name)]
    return [address for address in found if not (address.is_loopback or address.is_link_local)]


def reached_at(host: str) -> list[Address]:
    """Return the addresses of this device by which others reach a server of ours.

    Args:
        host: the address that it listens on; those of no network give none.
    """
    versions = EVERYWHERE.get(host, ())
    return [address for address in addresses() if address.version in versions or str(address) == host]


def _default_routes() -> set[str]:
    rows = [line.split() for line in _lines("/proc/net/route")[1:]]
    return {row[0] for row in rows if row[1] == _DEFAULT_ROUTE}


def _ipv4(interface: str) -> ipaddress.IPv4Address | None:
    request = struct.pack("256s", interface.encode()[: _INTERFACE_NAME - 1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking, _SIOCGIFADDR, request)
        except OSError:  # it has none
            return None
    return ipaddress.IPv4Address(answer[_ADDRESS_AT])


def _ipv6(interface: str) -> list[ipaddress.IPv6Address]:
    rows = [line.split() for line in _lines("/proc/net/if_inet6")]
    lasting = [row for row in rows if row[5] == interface and not int(row[4], 16) & _PASSING]
    return [ipaddress.IPv6Address(bytes.fromhex(row[0])) for row in lasting]


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="ascii").splitlines()
    except OSError:  # no such protocol in this kernel
        return []
