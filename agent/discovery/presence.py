"""One announcement in the network, from its first question to its goodbye. Imported when needed: it brings zeroconf."""

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import ifaddr
from zeroconf import (  # type: ignore[attr-defined]  # the first two are documented, but not in its list
    AddressResolver,
    DNSAddress,
    Error,
    IPVersion,
    ServiceInfo,
    Zeroconf,
    current_time_millis,
)
from zeroconf.asyncio import AsyncZeroconf

from agent.discovery import SERVICE
from agent.discovery.facts import Facts
from agent.errors import DiscoveryError
from agent.hostnames import Address
from agent.phrase import Phrase

_WEB = "_http._tcp.local."  # what browsers for services without a plug-in for us look for
_ASK = 1500  # milliseconds for whoever has a host name to say so: he may save up answers for half a second
_AVAHI = Path("/run/avahi-daemon/socket")  # where it runs it answers for HOST.local, though perhaps not yet


class Presence:
    """What is answered for: two services, the unique host name, and the one for people unless something else does.

    Attributes:
        name: host name for people that leads here.
    """

    def __init__(self, zeroconf: AsyncZeroconf, addresses: Sequence[Address], port: int, facts: Facts) -> None:
        self.name = ""
        self.facts = facts
        self.zeroconf = zeroconf.zeroconf
        self._async = zeroconf
        self._addresses = addresses
        self._port = port
        self._contestable = False
        self._services: list[ServiceInfo] = []

    @classmethod
    async def announce(cls, addresses: Sequence[Address], port: int, facts: Facts) -> "Presence":
        """Tell the networks of some addresses of a device; returns when they have been told.

        Raises:
            DiscoveryError: that is not possible.
        """
        with explained():
            presence = cls(opened(addresses), addresses, port, facts)
            try:
                await presence._announce()
            except BaseException:
                await presence._async.async_close()
                raise
        return presence

    async def update(self, facts: Facts) -> None:
        """Tell what is new, but for a name.

        Raises:
            DiscoveryError: that is not possible.
        """
        self.facts = facts
        with explained():
            self._services = [self._service(old.type, old.name, old.server or "") for old in self._services]
            told = [await self._async.async_update_service(service) for service in self._services]
            await asyncio.gather(*told)

    async def close(self) -> None:
        """Say goodbye.

        Raises:
            DiscoveryError: that is not possible.
        """
        with explained():
            await self._async.async_close()

    def contested(self) -> bool:
        """Tell whether another device has taken our name too and is to keep it (RFC 6762, 8.2: the later address wins).

        That happens when both are switched on at once, or when two networks become one.
        """
        if not self._contestable:
            return False
        now, ours = current_time_millis(), _own_addresses()
        records = self.zeroconf.cache.async_entries_with_name(f"{self.name}.")
        told = [record for record in records if isinstance(record, DNSAddress) and not record.is_expired(now)]
        others = {record.address for record in told} - {address.packed for address in ours}
        return bool(others) and max(others) > max(address.packed for address in self._addresses)

    async def _announce(self) -> None:
        await self.zeroconf.async_wait_for_start()
        if not self.zeroconf.engine.senders:
            raise OSError(Phrase("discovery.no_multicast", "no network of this device takes multicast messages"))
        self.name, self._contestable = await _host_name(self.zeroconf, self.facts)
        unique = f"{self.facts.unique_host}."
        web = f"{self.name}." if self._contestable else unique
        kinds = ((SERVICE, unique), (_WEB, web))
        self._services = [self._service(kind, f"{self.facts.instance}.{kind}", server) for kind, server in kinds]
        await asyncio.gather(*map(self._register, self._services))

    async def _register(self, service: ServiceInfo) -> None:
        """Find out whether the name of a service is free, take another one if it is not, and announce it."""
        await (await self._async.async_register_service(service, allow_name_change=True))

    def _service(self, kind: str, name: str, server: str) -> ServiceInfo:
        where = [str(address) for address in self._addresses]
        return ServiceInfo(
            kind, name, port=self._port, properties=self.facts.text(), server=server, parsed_addresses=where
        )


def opened(addresses: Sequence[Address]) -> AsyncZeroconf:
    """Return a zeroconf in the networks of some addresses; in those of IPv4 alone if IPv6 cannot be had.

    Raises:
        OSError: there is none, or the port of mDNS cannot be used.
    """
    ours = [address for address in addresses if address in _own_addresses()]
    old = [address for address in ours if address.version == 4]  # noqa: PLR2004 - IPv4
    if not ours:
        raise OSError(Phrase("discovery.no_network", "this device has no such address"))
    try:
        return AsyncZeroconf(interfaces=[str(address) for address in ours])
    except OSError:
        if len(old) in {0, len(ours)}:
            raise
        return AsyncZeroconf(interfaces=[str(address) for address in old])


@contextmanager
def explained() -> Iterator[None]:
    """Have what goes wrong in zeroconf and below it said in our words."""
    try:
        yield
    except (OSError, RuntimeError, Error) as error:  # TimeoutError is an OSError
        raise _impossible(error) from error


def _impossible(error: Exception) -> DiscoveryError:
    said = error.args[0] if error.args else ""
    told = error.strerror if isinstance(error, OSError) else f"{error}".rstrip(".")
    reason = said if isinstance(said, Phrase) else told or type(error).__name__
    taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
    hint = Phrase(
        "discovery.taken_hint",
        "Another program keeps UDP port 5353 to itself. avahi does with disallow-other-stacks=yes.",
    )
    return DiscoveryError(
        Phrase("discovery.impossible", "mDNS does not work: {error}.", error=reason), hint=hint if taken else ""
    )


async def _host_name(zeroconf: Zeroconf, facts: Facts) -> tuple[str, bool]:
    """Return the first name that is free or leads here anyway, and whether it is ours to answer for."""
    for name in facts.hosts():
        asking = AddressResolver(f"{name}.")
        await asking.async_request(zeroconf, _ASK)
        answers = {ipaddress.ip_address(packed) for packed in asking.addresses_by_version(IPVersion.All)}
        if not answers:
            return name, not _is_of_avahi(name)
        if answers & _own_addresses():
            return name, False
    return facts.unique_host, False


def _is_of_avahi(name: str) -> bool:
    return _AVAHI.exists() and name == f"{socket.gethostname().split('.')[0].lower()}.local"


def _own_addresses() -> set[Address]:
    """Return all addresses of this computer, also those that nobody else reaches: avahi announces them."""
    texts = [ip.ip if isinstance(ip.ip, str) else ip.ip[0] for adapter in ifaddr.get_adapters() for ip in adapter.ips]
    return {ipaddress.ip_address(text.partition("%")[0]) for text in texts}
