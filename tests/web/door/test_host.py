import asyncio
import socket
from pathlib import Path

import pytest

from agent.hostnames import addresses, host_names, slug
from tests.web.door.house import STRANGER, Visitor, house
from web.door.host import Host, Hosts, parse

OURS = Hosts("127.0.0.1", ["chat.example.com"], lambda: "Küche 2")


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("box", Host("box", None)),
        ("BOX.Local.:8080", Host("box.local", 8080)),
        ("192.0.2.1:80", Host("192.0.2.1", 80)),
        ("[2001:db8::1]:8080", Host("2001:db8::1", 8080)),
    ],
)
def test_a_host_has_one_spelling(text: str, host: Host) -> None:
    assert parse(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":80",
        "a b",
        "box:port",
        "box:123456",
        "user@box",
        "box/path",
        "[::1",
        "::1",
        "[evil.example]",
        "a..b",
        "bo\u00df",
    ],
)
def test_what_is_no_host_is_none(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    "text",
    ["localhost", "127.0.0.1:1", "[::1]", "192.168.1.5", "kuche-2.local:8080", "KUCHE-2.LOCAL.", "chat.example.com"],
)
def test_addresses_and_our_names_are_ours(text: str) -> None:
    host = parse(text)
    assert host
    assert OURS.has(host)


@pytest.mark.parametrize(
    "text",
    [
        "evil.example",
        "localhost.evil.example",
        "a.localhost",
        "127.0.0.1.nip.io",
        "chat.example.com.evil.example",
        "local",
    ],
)
def test_names_that_could_be_rebound_are_not(text: str) -> None:
    host = parse(text)
    assert host
    assert not OURS.has(host)


def test_the_name_of_the_system_is_ours_with_and_without_local() -> None:
    first = socket.gethostname().lower().split(".")[0]
    assert {first, f"{first}.local"} <= set(host_names("Edgewise"))


def test_a_name_without_a_single_letter_of_ours_gives_no_host_name() -> None:
    assert slug("厨房") == ""
    assert not {".local", "local"} & set(host_names("厨房"))


def test_our_addresses_are_those_that_others_reach() -> None:
    assert not [address for address in addresses() if address.is_loopback or address.is_link_local]


def test_a_name_that_the_network_was_told_is_ours_as_long_as_it_is_told(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            visitor = STRANGER.but(host="kuche-2-3.local:8080", origin="")
            assert (await device.ask("GET", "/login", visitor)).status_code == 421
            device.node.discovery.names = frozenset({"kuche-2-3.local"})
            assert (await device.ask("GET", "/login", visitor)).status_code != 421

    asyncio.run(run())


def test_a_foreign_name_is_answered_with_a_page_that_tells_nothing_about_us(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            await device.node.settings.change(name="Attic")
            for host in ("evil.example", "evil.example:8080", "a b"):
                reply = await device.ask("GET", "/login", STRANGER.but(host=host))
                assert reply.status_code == 421, host
                assert "names" in reply.text, host
                assert "Attic" not in reply.text, host
                assert "default-src 'none'" in reply.headers["content-security-policy"], host

    asyncio.run(run())


def test_the_name_that_the_owner_gives_counts_at_once(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            attic = Visitor({"host": "attic.local:8080"})
            assert (await device.ask("GET", "/claim", attic)).status_code == 421
            await device.node.settings.change(name="Attic")
            assert (await device.ask("GET", "/claim", attic)).status_code == 200

    asyncio.run(run())
