"""What people are told when the broker, the network or a certificate is in the way."""

import asyncio
import datetime as dt
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agent.errors import RefusedError
from agent.telemetry.link import LinkStatus
from agent.telemetry.link.address import Address
from agent.telemetry.message import Outgoing
from tests.telemetry.authority import Authority
from tests.telemetry.broker import Broker, broker
from tests.telemetry.fake_broker import PUBLISH, V5, Packet, fake_broker, hospitable
from tests.telemetry.linking import DEVICE, QUICK, STATUS, Recorder, connected, linked, until
from tests.telemetry.observer import observer

OWN = f"edgewise/v1/{DEVICE}"


def told(address: Address) -> LinkStatus:
    """Return what people are told after the first try."""

    async def act() -> LinkStatus:
        async with linked(address) as link:
            await until(lambda: link.status.state in {"waiting", "refused"})
            return link.status

    return asyncio.run(act())


def works(address: Address) -> None:
    async def act() -> None:
        async with linked(address) as link:
            await connected(link)

    asyncio.run(act())


def secret(folder: Path, text: str) -> Path:
    path = folder / "password"
    path.write_text(text + "\n")
    return path


def test_a_wrong_password_is_tried_again_after_minutes_and_a_corrected_one_needs_no_restart(tmp_path: Path) -> None:
    with broker(tmp_path, users={DEVICE: "right"}) as mosquitto:
        address = Address(mosquitto.url, DEVICE, password_file=secret(tmp_path, "wrong"))
        status = told(address)
        assert (status.state, status.reason) == ("refused", "The broker does not let this device in.")
        assert status.next_try - status.since > 20  # QUICK.refused_first is 30 s
        secret(tmp_path, "right")
        works(address)


def test_an_old_broker_refuses_in_the_same_words() -> None:
    def answer(packet: Packet) -> bytes | None:
        return b"\x20\x02\x00\x01" if packet.version == V5 else b"\x20\x02\x00\x05"

    with fake_broker(answer) as old:
        status = told(Address(f"mqtt://127.0.0.1:{old.port}", DEVICE))
    assert (status.state, status.reason) == ("refused", "The broker does not let this device in.")


def test_a_missing_password_file_is_said_by_name(tmp_path: Path) -> None:
    status = told(Address("mqtt://127.0.0.1:1", DEVICE, password_file=tmp_path / "nothing"))
    assert str(tmp_path / "nothing") in status.reason


def test_what_the_access_list_forbids_is_refused_and_said_while_the_rest_goes_on(tmp_path: Path) -> None:
    async def act(address: Address) -> None:
        async with linked(address) as link:
            await connected(link)
            with pytest.raises(RefusedError, match="Not authorized"):
                await link.publish(Outgoing("edgewise/v1/other/event", b"{}"))
            assert "edgewise/v1/other/event" in link.status.reason
            await link.publish(Outgoing(f"{OWN}/event", b"{}"))

    access = ("pattern readwrite edgewise/v1/%u/#", "user hub", "topic readwrite #")
    with (
        broker(tmp_path, users={DEVICE: "p", "hub": "h"}, access=access) as mosquitto,
        observer(mosquitto.port, username="hub", password="h") as hub,  # noqa: S106 - of a broker that ends with the test
    ):
        asyncio.run(act(Address(mosquitto.url, DEVICE, password_file=secret(tmp_path, "p"))))
        hub.wait(lambda: f"{OWN}/event" in hub.topics())
        assert "edgewise/v1/other/event" not in hub.topics()


def test_two_devices_with_one_id_are_told_so_and_fight_ever_less(tmp_path: Path) -> None:
    """mosquitto closes the older connection without a word."""

    async def act(url: str) -> None:
        wary = replace(QUICK, first=0.05, longest=30.0)
        async with linked(url, pace=wary) as first, linked(url, pace=wary) as second:
            await until(lambda: "ends it soon after" in first.status.reason and DEVICE in first.status.hint)
            await until(lambda: "ends it soon after" in second.status.reason)
            assert max(first.status.reconnects, second.status.reconnects) < 15

    with broker(tmp_path) as mosquitto:
        asyncio.run(act(mosquitto.url))


def test_a_broker_that_says_that_our_id_was_taken_is_quoted() -> None:
    def answer(packet: Packet) -> bytes | None:
        return b"\xe0\x01\x8e" if packet.kind == PUBLISH else hospitable(packet)

    async def act(port: int) -> None:
        async with linked(f"mqtt://127.0.0.1:{port}") as link:
            await until(lambda: link.status.state == "waiting")
            assert link.status.reason == f"Another device uses the id {DEVICE}."
            assert "mqtt_id" in link.status.hint

    with fake_broker(answer) as frank:
        asyncio.run(act(frank.port))


def test_connections_that_end_again_and_again_are_said_to_be_suspicious() -> None:
    def answer(packet: Packet) -> bytes | None:
        return None if packet.kind == PUBLISH else hospitable(packet)

    async def act(port: int) -> None:
        recorder = Recorder()
        async with linked(f"mqtt://127.0.0.1:{port}", recorder) as link:
            await until(lambda: len(recorder.ends) >= 2 and link.status.state == "waiting")
            assert "ends it soon after" in link.status.reason
            assert DEVICE in link.status.hint

    with fake_broker(answer) as unkind:
        asyncio.run(act(unkind.port))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mqtt://no-such-host.invalid", "The name no-such-host.invalid is not known."),
        (f"mqtt://{'a' * 70}.example", "is not known."),
        ("mqtt://127.0.0.1:1", "Nobody listens at 127.0.0.1:1."),
        ("mqtt://[::1]:1", "Nobody listens at [::1]:1."),
    ],
)
def test_an_address_without_a_broker_is_told_from_a_name_that_nobody_knows(url: str, words: str) -> None:
    status = told(Address(url, DEVICE))
    assert status.state == "waiting"
    assert status.reason.endswith(words)
    assert status.hint


def test_a_broker_with_tls_is_trusted_by_its_authority_only(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path / "ca"), Authority(tmp_path / "other")
    with broker(tmp_path, authority=authority) as mosquitto:
        works(Address(mosquitto.url, DEVICE, ca=authority.certificate))
        for address in (Address(mosquitto.url, DEVICE), Address(mosquitto.url, DEVICE, ca=other.certificate)):
            status = told(address)
            assert status.state == "waiting"
            assert "is not trusted" in status.reason
            assert "mqtt_ca" in status.hint
        named = mosquitto.url.replace("127.0.0.1", "localhost")
        assert "for another name" in told(Address(named, DEVICE, ca=authority.certificate)).reason


def test_a_broker_that_wants_certificates_gets_ours(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path / "ca"), Authority(tmp_path / "other")
    with broker(tmp_path, authority=authority, certificates=True) as mosquitto:
        address = Address(mosquitto.url, DEVICE, ca=authority.certificate)
        cert, key = authority.issue(DEVICE)
        works(replace(address, cert=cert, key=key))
        wrong, wrong_key = other.issue(DEVICE)
        for unwanted in (address, replace(address, cert=wrong, key=wrong_key)):
            status = told(unwanted)
            assert (status.state, status.hint) == ("refused", "Check mqtt_cert and mqtt_key.")
        assert "cannot be used" in told(replace(address, cert=key, key=key)).reason


def test_a_certificate_of_tomorrow_means_that_the_clock_is_wrong(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    with broker(tmp_path, authority=Tomorrow(authority)) as mosquitto:
        status = told(Address(mosquitto.url, DEVICE, ca=authority.certificate))
    assert "clock of this device" in status.reason
    assert status.state == "waiting"


class Tomorrow(Authority):
    """Signs in advance."""

    def __init__(self, authority: Authority) -> None:
        self.__dict__ = authority.__dict__

    def issue(self, name: str, *, start: dt.timedelta = dt.timedelta(days=1)) -> tuple[Path, Path]:
        return super().issue(name, start=start)


@pytest.mark.parametrize("encrypted", [True, False])
def test_the_wrong_one_of_two_ports_is_recognised(tmp_path: Path, *, encrypted: bool) -> None:
    authority = Authority(tmp_path / "ca")
    with broker(tmp_path, authority=authority if encrypted else None) as mosquitto:
        scheme = "mqtt" if encrypted else "mqtts"
        status = told(Address(f"{scheme}://127.0.0.1:{mosquitto.port}", DEVICE))
    assert "port" in status.hint
    assert "mqtts://" in status.hint


def test_a_device_that_is_killed_leaves_its_will(tmp_path: Path) -> None:
    with broker(tmp_path) as mosquitto, observer(mosquitto.port) as hub, device(mosquitto) as process:
        hub.wait_for(STATUS, "online")
        process.kill()
        hub.wait_for(STATUS, "offline")


def device(mosquitto: Broker) -> "subprocess.Popen[bytes]":
    """Run a link in a process of its own."""
    source = (
        "import asyncio\n"
        "from tests.telemetry.linking import linked\n"
        "async def main():\n"
        f"    async with linked({mosquitto.url!r}):\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    return subprocess.Popen([sys.executable, "-c", source], cwd=Path(__file__).parents[2])
