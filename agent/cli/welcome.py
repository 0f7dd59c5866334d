"""What the daemon says when it listens: where it is, and how to claim it while nobody has."""

import io
import logging
import os
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from agent.certificate import certificate
from agent.cli.style import style
from agent.hostnames import EVERYWHERE, addresses
from agent.node import Node
from agent.security.claim import ClaimCode

logger = logging.getLogger(__name__)


async def welcome(node: Node, url: str) -> None:
    """Say how to reach the daemon, in words that can be copied.

    Args:
        node: that is served.
        url: of the daemon, as this computer reaches it.
    """
    program = sys.argv[0] if os.sep in sys.argv[0] else "edgewise"
    print(f"Edgewise listens on {url}")
    network = network_urls(node, url)
    for line, address in zip(["  network ", *["          "] * len(network)], network, strict=False):
        print(f"{line} {address}")
    ours = certificate(node.config)
    if ours is not None:
        print(f"  TLS      SHA-256 {ours.fingerprint()}")
    print(
        f"  health   curl {'--insecure ' if ours else ''}{url}/healthz\n"
        f"  chat     {program} chat --port {url.rpartition(':')[2]}\n"
        f"  OpenAI   base_url={url}/v1",
        flush=True,
    )
    if state := node.safety.mode.state():
        print(f"\n{style().bold('SAFE MODE')}  {state.reason}\n{state.way_out}\n", flush=True)
    if node.config.auth == "open":
        logger.warning("Nobody has to sign in (auth = open): whoever reaches this device may do everything with it.")
    code = await node.security.claim.code() if node.config.auth == "accounts" else None
    if code is not None and not await node.security.claim.claimed():
        _invite(code, [*network, url])


def network_urls(node: Node, url: str) -> list[str]:
    """Return the URLs by which others in the network reach a daemon; none when it listens to this computer only."""
    versions = EVERYWHERE.get(node.config.host)
    if versions is None:
        return []
    parts = urlsplit(url)
    ours = [address for address in addresses() if address.version in versions]
    hosts = [f"[{address}]" if ":" in str(address) else str(address) for address in ours]
    return [f"{parts.scheme}://{host}:{parts.port}" for host in hosts]


def introduce(url: str, name: str) -> None:
    """Say the host name that leads to the daemon, once the network knows it.

    Args:
        url: of the daemon, as this computer reaches it.
        name: for instance `kitchen-pi.local`.
    """
    parts = urlsplit(url)
    print(f"In the network it is also {parts.scheme}://{name}:{parts.port}", flush=True)


def _invite(code: ClaimCode, urls: Sequence[str]) -> None:
    """Show the code that makes its reader the owner; whoever sees this terminal or the journal may be that."""
    link = f"{urls[0]}/claim?code={code.text}"
    print(f"\nThis device has no owner yet. Open this within 30 minutes to become it:\n\n  {style().bold(link)}\n")
    if picture := _picture(link):
        print(picture)
    print(f"Or open {urls[0]} and enter the code {style().bold(code.text)}", flush=True)
    logger.info("This device has no owner yet. The code to claim it is %s.", code.text)


def _picture(link: str) -> str:
    """Return a QR code for terminals that can show it; it is for phones, and a log has no use for it."""
    if not sys.stdout.isatty() or "utf" not in (sys.stdout.encoding or "").lower():
        return ""
    import segno  # only while there is no owner

    picture = io.StringIO()
    segno.make(link, error="l").terminal(out=picture, compact=True)
    return picture.getvalue()
