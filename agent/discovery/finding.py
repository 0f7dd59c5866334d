"""Who else is in the network. Imported when needed: it brings zeroconf."""

import asyncio
from collections.abc import Callable, Sequence

from zeroconf import DNSQuestionType, Error, IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo

from agent.discovery import SERVICE, Broker
from agent.discovery.found import Found, shown
from agent.discovery.presence import explained, opened
from agent.hostnames import Address

_BROKERS = {"_mqtt._tcp.local.": "mqtt", "_secure-mqtt._tcp.local.": "mqtts"}
_ASK = 1000  # milliseconds for somebody to say more who has said that he is there


async def devices(addresses: Sequence[Address], seconds: float) -> list[Found]:
    """Return the Edgewise devices that answer within some seconds in the networks of some addresses of ours.

    Raises:
        DiscoveryError: the networks cannot be asked.
    """
    with explained():
        zeroconf = opened(addresses)
        try:
            services = await _services(zeroconf.zeroconf, [SERVICE], seconds)
        finally:
            await zeroconf.async_close()
    return [Found.told(_instance(service), _places(service), service.port or 0, _text(service)) for service in services]


async def brokers(zeroconf: Zeroconf, seconds: float) -> list[Broker]:
    """Return the MQTT brokers that answer within some seconds.

    Raises:
        DiscoveryError: the networks cannot be asked.
    """
    with explained():
        services = await _services(zeroconf, list(_BROKERS), seconds)
    return [
        Broker(shown(_instance(service)), f"{_BROKERS[service.type]}://{_places(service)[0]}:{service.port}")
        for service in services
    ]


async def _services(zeroconf: Zeroconf, kinds: list[str], seconds: float) -> list[AsyncServiceInfo]:
    """Return the services of some kinds that are there and can be reached."""
    names: dict[str, str] = {}
    # Answers to all: those to one go to port 5353, and who gets them there is open when avahi has it too.
    browser = AsyncServiceBrowser(zeroconf, kinds, handlers=[_keeping(names)], question_type=DNSQuestionType.QM)
    await asyncio.sleep(seconds)
    await browser.async_cancel()
    services = [service for name, kind in names.items() if (service := _service(kind, name))]
    await asyncio.gather(*(service.async_request(zeroconf, _ASK) for service in services))
    return [service for service in services if service.port and _places(service)]


def _keeping(names: dict[str, str]) -> Callable[..., None]:
    """Return a handler that keeps which services there are, with their kinds."""

    def handle(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:  # noqa: ARG001 - zeroconf passes all by name
        if state_change is ServiceStateChange.Removed:
            names.pop(name, None)
        else:
            names[name] = service_type

    return handle


def _service(kind: str, name: str) -> AsyncServiceInfo | None:
    try:
        return AsyncServiceInfo(kind, name)
    except Error:  # a name that no service may have
        return None


def _instance(service: AsyncServiceInfo) -> str:
    return service.name.removesuffix(f".{service.type}")


def _places(service: AsyncServiceInfo) -> list[str]:
    """Return the addresses as URLs have them, IPv4 first."""
    old = service.parsed_addresses(IPVersion.V4Only)
    return [*old, *(f"[{address}]" for address in service.parsed_addresses(IPVersion.V6Only))]


def _text(service: AsyncServiceInfo) -> dict[str, str]:
    return {key: value or "" for key, value in service.decoded_properties.items()}
