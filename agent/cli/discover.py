"""`edgewise discover`: the Edgewise devices in the local network."""

import argparse
import asyncio
import ipaddress
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from agent.cli import settings
from agent.cli.daemon import connection
from agent.cli.table import table
from agent.config import Config
from agent.discovery.found import Found
from agent.errors import ConfigError
from agent.hostnames import Address, addresses

if TYPE_CHECKING:
    import httpx

_SECONDS = 3.0  # most devices answer within one; those that save power are slower
_ASK = 2.0  # seconds for a device to say how it is
_HEAD = ("NAME", "ADDRESS", "MODEL", "VERSION", "OWNER", "LOAD")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser("discover", help="list the Edgewise devices in the local network")
    parser.add_argument(
        "--seconds", type=float, default=_SECONDS, help=f"how long to wait for answers (default: {_SECONDS:g})"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--from", dest="source", metavar="ADDRESS", help="ask only in the network of this own address")
    settings.add(parser, "state_dir", "host", "port")
    parser.set_defaults(handler=discover)


def discover(options: argparse.Namespace, config: Config) -> int:
    """Print the devices by name; 1 when there are none."""
    ours = _sources(options.source)
    found = asyncio.run(_look(config, ours, options.seconds)) if ours else []
    found.sort(key=lambda device: (device.name.casefold(), device.id))
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(found)).decode())
    elif found:
        print(table(_HEAD, [_row(device) for device in found]))
    else:
        where = ", ".join(map(str, ours)) or "no network"
        print(f"No device answered within {options.seconds:g} s (asked from {where}).")
        print("A device that is on may have `discovery = false`, or listen to itself only (`host`).")
    return 0 if found else 1


def _sources(given: str | None) -> list[Address]:
    """Return the addresses of ours in whose networks to ask.

    Raises:
        ConfigError: what was given is no address.
    """
    if given is None:
        return addresses()
    try:
        return [ipaddress.ip_address(given)]
    except ValueError as error:
        raise ConfigError(f"--from {given!r} is not an address.", hint="Use one that `ip address` shows.") from error


async def _look(config: Config, ours: list[Address], seconds: float) -> list[Found]:
    """Return who is there, and how they are where they tell."""
    from agent.discovery.finding import devices

    return list(await asyncio.gather(*(_asked(config, device) for device in await devices(ours, seconds))))


async def _asked(config: Config, device: Found) -> Found:
    """Return a device with what it says of its state: our own to us, others to everybody or not at all."""
    import httpx

    if httpx.URL(device.url).host in map(str, addresses()) and httpx.URL(device.url).port == config.port:
        client = httpx.AsyncClient(**connection(config), timeout=_ASK)
    else:
        # Nothing is sent that is a secret, and nothing believed that matters.
        client = httpx.AsyncClient(base_url=device.url, verify=False, timeout=_ASK, trust_env=False)  # noqa: S501
    async with client:
        return await with_state(client, device)


async def with_state(client: "httpx.AsyncClient", device: Found) -> Found:
    """Return a device with what `/healthz` says of it, if it is told."""
    import httpx

    try:
        told = (await client.get("/healthz")).json()
    except (httpx.HTTPError, ValueError):
        return replace(device, status="no answer")
    try:
        return replace(device, status=str(told["status"]), active=int(told.get("active", 0)))
    except (KeyError, TypeError, ValueError):  # it does not tell us
        return device


def _row(device: Found) -> list[str]:
    load = {"": "not told", "ok": f"{device.active} active" if device.active else "idle"}.get(
        device.status, device.status
    )
    owner = "yes" if device.claimed else "none yet"
    return [device.name, device.url, device.model or "-", device.version or "-", owner, load]
