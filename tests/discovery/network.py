"""The local network of the tests: real multicast on the loopback interface, and others who are in it."""

import asyncio
import ipaddress
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from zeroconf import IPVersion, ServiceInfo, ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from agent.discovery.discovery import Discovery
from agent.discovery.facts import Facts
from agent.hostnames import Address

HERE: Address = ipaddress.ip_address("127.0.0.1")
WEB = "_http._tcp.local."
PORT = 8080
_GROUP = ("224.0.0.251", 5353)


def check_multicast() -> None:
    """Find out whether this computer carries multicast on loopback.

    Raises:
        OSError: it does not.
    """
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth,
    ):
        ear.bind(("", 0))
        ear.settimeout(2)
        ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(_GROUP[0]) + HERE.packed)
        mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, HERE.packed)
        mouth.sendto(b"hello", (_GROUP[0], ear.getsockname()[1]))
        ear.recv(16)


def device(**more: Any) -> Facts:  # noqa: ANN401 - fields of all kinds
    """Return a device that no other test has."""
    unique = secrets.token_hex(8)
    return Facts(**{"id": unique, "known_as": unique, "name": f"Kitchen {unique}", "version": "1.2.3"} | more)


class Told:
    """A device that can be told things while it is announced."""

    def __init__(self, facts: Facts, addresses: list[Address] | None = None) -> None:
        self.facts = facts
        self.addresses = [HERE] if addresses is None else addresses
        self.discovery = Discovery(self._facts, lambda: list(self.addresses), interval=0.05)

    async def _facts(self) -> Facts:
        return self.facts


@asynccontextmanager
async def announced(facts: Facts, addresses: list[Address] | None = None, port: int = PORT) -> AsyncIterator[Told]:
    """Announce a device while the block runs."""
    told = Told(facts, addresses)
    told.discovery.start(port)
    try:
        if told.addresses:
            await until(lambda: told.discovery.status.state == "announced")
        yield told
    finally:
        await told.discovery.stop()


@asynccontextmanager
async def neighbour() -> AsyncIterator[AsyncZeroconf]:
    """Be somebody else in the network while the block runs."""
    zeroconf = AsyncZeroconf(interfaces=[str(HERE)])
    try:
        yield zeroconf
    finally:
        await zeroconf.async_close()


async def claim(zeroconf: AsyncZeroconf, host: str, address: str, kind: str = WEB, name: str = "") -> None:
    """Announce a service, and by it that a host name has an address."""
    info = ServiceInfo(kind, f"{name or secrets.token_hex(4)}.{kind}", 1883, server=host, parsed_addresses=[address])
    await (await zeroconf.async_register_service(info))


async def service(
    zeroconf: AsyncZeroconf, facts: Facts, kind: str, milliseconds: int = 3000
) -> AsyncServiceInfo | None:
    """Return the service of a device as somebody else sees it, or None."""
    return await zeroconf.async_get_service_info(kind, f"{facts.instance}.{kind}", milliseconds)


def heard(zeroconf: AsyncZeroconf, facts: Facts, kind: str) -> AsyncServiceInfo:
    """Return what somebody else has heard of a service so far, without asking."""
    info = AsyncServiceInfo(kind, f"{facts.instance}.{kind}")
    info.load_from_cache(zeroconf.zeroconf)
    return info


def addresses_of(found: AsyncServiceInfo | None) -> list[str]:
    """Return where a service is."""
    return found.parsed_addresses(IPVersion.All) if found else []


class Watch:
    """Who comes and goes, as a list of services shows it."""

    def __init__(self, zeroconf: AsyncZeroconf, kind: str) -> None:
        self.here: set[str] = set()
        self.browser = AsyncServiceBrowser(zeroconf.zeroconf, kind, handlers=[self._changed])

    def _changed(self, name: str, state_change: ServiceStateChange, **_: object) -> None:
        (self.here.discard if state_change is ServiceStateChange.Removed else self.here.add)(name)


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for a condition; fail after some seconds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - of others, who set no event
            await asyncio.sleep(0.01)
