import asyncio
import errno
import ipaddress
import logging
import socket
import time
from dataclasses import replace

import pytest
from zeroconf import AddressResolver, IPVersion, ServiceInfo  # type: ignore[attr-defined]  # the first is documented
from zeroconf._utils import net

from agent.discovery import SERVICE, Broker, presence
from agent.discovery.facts import Facts
from agent.hostnames import slug
from tests.discovery.network import (
    HERE,
    PORT,
    WEB,
    Watch,
    addresses_of,
    announced,
    claim,
    device,
    heard,
    neighbour,
    service,
    until,
)


def test_a_device_is_found_by_others_with_both_services_and_both_names() -> None:
    facts = device(model="qwen3-0.6b", claimed=True)

    async def run() -> None:
        async with neighbour() as other, announced(facts) as told:
            ours = await service(other, facts, SERVICE)
            page = await service(other, facts, WEB)
            assert ours is not None
            assert page is not None
            assert ours.decoded_properties == facts.text()
            assert ours.server == f"{facts.unique_host}."
            assert (page.port, addresses_of(page)) == (PORT, [str(HERE)])
            assert page.server == f"{slug(facts.name)}.local."
            assert told.discovery.name == f"{slug(facts.name)}.local"
            assert told.discovery.names == {told.discovery.name, facts.unique_host}

    asyncio.run(run())


def test_a_name_that_another_computer_has_gets_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "_ASK", 5000)
    facts = device()
    mine, next_one, third = facts.hosts()[:3]

    async def run() -> None:
        async with neighbour() as other:
            await claim(other, f"{mine}.", "192.0.2.7")
            await claim(other, f"{next_one}.", "192.0.2.8")
            monkeypatch.setattr(presence, "_ASK", 2500)
            async with announced(facts) as told:
                assert told.discovery.name == third
                page = await service(other, facts, WEB)
                assert page is not None
                assert page.server == f"{third}."

    asyncio.run(run())


def test_a_name_that_leads_here_already_is_left_to_who_answers_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "_ASK", 5000)
    facts = device()

    async def run() -> None:
        async with neighbour() as avahi:
            await claim(avahi, f"{facts.hosts()[0]}.", str(HERE))
            async with announced(facts) as told:
                page = await service(avahi, facts, WEB)
                assert page is not None
                assert page.server == f"{facts.unique_host}."
                assert told.discovery.name == facts.hosts()[0]

    asyncio.run(run())


@pytest.mark.parametrize(("address", "number"), [("203.0.113.9", 1), ("10.0.0.9", 0)], ids=["later", "earlier"])
def test_of_two_that_took_a_name_at_once_the_later_address_keeps_it(
    monkeypatch: pytest.MonkeyPatch, address: str, number: int
) -> None:
    facts = device()

    async def run() -> None:
        async with announced(facts) as told, neighbour() as other:
            monkeypatch.setattr(presence, "_ASK", 2500)
            changed = asyncio.Event()
            told.discovery.on_name = lambda _: changed.set()
            await claim(other, f"{facts.hosts()[0]}.", address)
            if number:
                await asyncio.wait_for(changed.wait(), 10)
            else:
                await asyncio.sleep(0.5)  # ten looks
            assert told.discovery.name == facts.hosts()[number]
            assert changed.is_set() == bool(number)

    asyncio.run(run())


def test_what_changes_is_told_at_once_under_the_same_name() -> None:
    facts = device(model="small")

    async def run() -> None:
        async with neighbour() as other, announced(facts) as told:
            watch = Watch(other, SERVICE)
            await until(lambda: f"{facts.instance}.{SERVICE}" in watch.here)
            told.facts = replace(facts, model="large", claimed=True)
            told.discovery.update()
            await until(lambda: heard(other, facts, SERVICE).text == _text(told.facts))
            assert f"{facts.instance}.{SERVICE}" in watch.here

    asyncio.run(run())


def test_a_new_name_replaces_the_old_one() -> None:
    facts = device()
    renamed = replace(facts, name=f"Attic {facts.id}")

    async def run() -> None:
        async with neighbour() as other, announced(facts) as told:
            watch = Watch(other, WEB)
            await until(lambda: f"{facts.instance}.{WEB}" in watch.here)
            told.facts = renamed
            told.discovery.update()
            await until(lambda: f"{renamed.instance}.{WEB}" in watch.here)
            await until(lambda: f"{facts.instance}.{WEB}" not in watch.here)
            await until(lambda: told.discovery.name == renamed.hosts()[0])
            assert not await AddressResolver(f"{facts.hosts()[0]}.").async_request(other.zeroconf, 300)

    asyncio.run(run())


def test_who_stops_says_goodbye_within_two_seconds() -> None:
    facts = device()

    async def run() -> None:
        async with neighbour() as other:
            watch = Watch(other, SERVICE)
            async with announced(facts) as told:
                await until(lambda: f"{facts.instance}.{SERVICE}" in watch.here)
                begun = time.monotonic()
                await told.discovery.stop()
                assert time.monotonic() - begun < 2
                assert told.discovery.name == ""
            await until(lambda: f"{facts.instance}.{SERVICE}" not in watch.here, 3)

    asyncio.run(run())


def test_a_device_that_stops_while_it_looks_for_a_name_does_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "_ASK", 60_000)

    async def run() -> None:
        async with announced(device(), addresses=[]) as told:
            told.addresses = [HERE]
            told.discovery.update()
            await asyncio.sleep(0.3)
            begun = time.monotonic()
            await told.discovery.stop()
            assert time.monotonic() - begun < 1

    asyncio.run(run())


def test_a_network_that_comes_goes_and_changes_is_followed() -> None:
    facts = device()

    async def run() -> None:
        async with neighbour() as other, announced(facts, addresses=[]) as told:
            await until(lambda: told.discovery.status.state == "waiting")
            assert told.discovery.status.reason
            names: list[str] = []
            told.discovery.on_name = names.append
            told.addresses = [HERE]
            await until(lambda: told.discovery.status.state == "announced")
            assert addresses_of(await service(other, facts, SERVICE)) == [str(HERE)]
            told.addresses = [HERE, ipaddress.ip_address("::1")]
            await until(lambda: addresses_of(heard(other, facts, SERVICE)) == [str(HERE), "::1"])
            told.addresses = []
            await until(lambda: told.discovery.status.state == "waiting")
            assert told.discovery.name == ""
            assert names == [facts.hosts()[0]], "a name is news once"

    asyncio.run(run())


def test_what_fails_is_said_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "agent.discovery")

    async def run() -> None:
        async with announced(device(), addresses=[]) as told:
            told.addresses = [ipaddress.ip_address("192.0.2.99")]  # of no interface
            await until(lambda: told.discovery.status.state == "failed")
            await asyncio.sleep(0.3)  # several looks
            assert told.discovery.status.reason.startswith("mDNS does not work")
            assert [record.levelname for record in caplog.records] == ["WARNING"]
            told.addresses = [HERE]
            await until(lambda: told.discovery.status.state == "announced")

    asyncio.run(run())


def test_without_ipv6_the_networks_of_ipv4_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    facts, really = device(), net.new_listen_socket

    def without(ip_version: IPVersion, apple_p2p: bool) -> socket.socket | None:  # noqa: FBT001 - as zeroconf has it
        if ip_version is not IPVersion.V4Only:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return really(ip_version, apple_p2p)

    async def run() -> None:
        monkeypatch.setattr(net, "new_listen_socket", without)
        async with neighbour() as other, announced(facts, addresses=[HERE, ipaddress.ip_address("::1")]):
            assert str(HERE) in addresses_of(await service(other, facts, SERVICE))

    asyncio.run(run())


def test_brokers_in_the_network_are_found() -> None:
    async def run() -> None:
        async with neighbour() as other, announced(device()) as told:
            await claim(other, "hub.local.", "127.0.0.1", "_mqtt._tcp.local.", "Hub\x9b")
            assert Broker("Hub?", "mqtt://127.0.0.1:1883") in await told.discovery.brokers(0.7)
            await told.discovery.stop()
            assert await told.discovery.brokers(0.1) == []

    asyncio.run(run())


def _text(facts: Facts) -> bytes:
    return ServiceInfo(SERVICE, f"x.{SERVICE}", properties=facts.text()).text
