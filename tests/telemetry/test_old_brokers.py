"""Brokers that speak only MQTT 3.1.1, and some that speak nonsense."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from agent.telemetry.message import Outgoing
from tests.telemetry.broker import broker
from tests.telemetry.fake_broker import (
    CONNECT,
    DENIED,
    PUBLISH,
    SUBSCRIBE,
    V5,
    V311,
    WELCOME,
    Packet,
    fake_broker,
    hospitable,
)
from tests.telemetry.linking import DEVICE, QUICK, Recorder, connected, linked, until
from tests.telemetry.observer import observer
from tests.telemetry.wire import wire

TOPIC = f"edgewise/v1/{DEVICE}/event"
UNSUPPORTED = b"\x20\x02\x00\x01"  # MQTT 3.1.1, 3.2.2.3


def url(port: int) -> str:
    return f"mqtt://127.0.0.1:{port}"


@pytest.mark.parametrize("refusal", [UNSUPPORTED, None, b"\x20\x03\x00\x84\x00"])
def test_a_broker_that_does_not_know_mqtt_5_gets_3_1_1_at_once(refusal: bytes | None) -> None:
    def answer(packet: Packet) -> bytes | None:
        return refusal if packet.version == V5 else hospitable(packet)

    async def act(port: int) -> None:
        async with linked(url(port), Recorder(greet=False)) as link:
            await connected(link, 1)
            assert link.status.protocol == "3.1.1"

    with fake_broker(answer) as old:
        asyncio.run(act(old.port))
    assert old.versions() == [V5, V311]


@pytest.mark.parametrize(("refusal", "versions"), [(UNSUPPORTED, [V5, V311, V311]), (None, [V5, V311, V5, V311])])
def test_what_a_broker_has_said_of_its_version_is_remembered_and_what_was_guessed_is_not(
    refusal: bytes | None, versions: list[int]
) -> None:
    def answer(packet: Packet) -> bytes | None:
        return refusal if packet.version == V5 else hospitable(packet)

    async def act(port: int) -> None:
        recorder = Recorder(greet=False)
        async with linked(url(port), recorder):
            await until(lambda: recorder.starts)
            cable.reset()
            await until(lambda: len(recorder.starts) == 2)

    with fake_broker(answer) as old, wire(old.port) as cable:
        asyncio.run(act(cable.port))
    assert old.versions() == versions


def test_a_device_that_fell_back_publishes_and_is_commanded(tmp_path: Path) -> None:
    recorder = Recorder()

    async def act(port: int) -> None:
        async with linked(url(port), recorder) as link:
            link._hello = replace(link._hello, version5=False)
            await connected(link)
            assert link.status.protocol == "3.1.1"
            await link.publish(Outgoing(TOPIC, b"{}", expiry=5, correlation=b"1", properties=(("a", "b"),)))
            hub.publish(f"edgewise/v1/{DEVICE}/cmd/ping", "1", reply="hub/rsp")
            await until(lambda: recorder.messages)
            await link.close(Outgoing(TOPIC, b"bye"))

    with broker(tmp_path) as mosquitto, observer(mosquitto.port) as hub:
        asyncio.run(act(mosquitto.port))
        hub.wait_for(TOPIC, "bye")
        assert hub.payloads(TOPIC) == ["{}", "bye"]
    assert recorder.messages[0].response_topic == ""


def test_a_port_that_closes_each_connection_is_said_to_be_no_broker() -> None:
    async def act(port: int) -> None:
        async with linked(url(port)) as link:
            await until(lambda: link.status.state == "waiting")
            assert "closes them without a word" in link.status.reason
            assert "mqtts" in link.status.hint

    with fake_broker(lambda _: None) as port:
        asyncio.run(act(port.port))


@pytest.mark.parametrize("version", [V5, V311])
def test_a_denied_subscription_is_said_and_costs_no_connection(version: int) -> None:
    def answer(packet: Packet) -> bytes | None:
        if packet.kind == SUBSCRIBE:
            return DENIED[packet.version] % packet.number
        return UNSUPPORTED if packet.version != version else hospitable(packet)

    async def act(port: int) -> None:
        async with linked(url(port), Recorder(greet=False)) as link:
            await connected(link)
            assert f"edgewise/v1/{DEVICE}/cmd/+" in link.status.reason
            assert "access list" in link.status.hint

    with fake_broker(answer) as stern:
        asyncio.run(act(stern.port))


def test_a_broker_that_never_answers_is_said_to_be_silent() -> None:
    async def act(port: int) -> None:
        async with linked(url(port), pace=replace(QUICK, patience=0.3)) as link:
            await until(lambda: link.status.state == "waiting")
            assert "does not answer" in link.status.reason

    with fake_broker(lambda _: b"") as silent:
        asyncio.run(act(silent.port))


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\xf0\x00",  # a packet that only clients send
        b"\x32\x07\x00\x03a\xff\xfe\x00\x01",  # a topic that is no text
        b"\x30\x02\x00\xff",  # a topic longer than its packet
        b"\x40\x02\x12\x34",  # an acknowledgement of what was never sent
        b"\x30\xff\xff\xff\xff\xff",  # a length of five bytes
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)
def test_nonsense_ends_a_connection_at_most_and_never_the_link(nonsense: bytes) -> None:
    talked: list[bytes] = []

    def answer(packet: Packet) -> bytes | None:
        if packet.kind == CONNECT and not talked:
            talked.append(nonsense)
            return WELCOME[packet.version] + nonsense
        return hospitable(packet)

    async def act(port: int) -> None:
        recorder = Recorder()  # whose greeting is published
        async with linked(url(port), recorder, pace=replace(QUICK, patience=0.5)):
            await until(lambda: recorder.starts)

    with fake_broker(answer) as mad:
        asyncio.run(act(mad.port))


def test_no_more_messages_are_on_their_way_than_the_broker_allows() -> None:
    def answer(packet: Packet) -> bytes | None:
        if packet.kind == CONNECT:
            return b"\x20\x06\x00\x00\x03\x21\x00\x05"  # Receive Maximum 5
        return b"" if packet.kind == PUBLISH else hospitable(packet)

    async def act(port: int) -> None:
        async with linked(url(port), Recorder(greet=False), subscriptions=()) as link:
            await connected(link)
            assert link.window == 5
            publishing = [asyncio.create_task(link.publish(Outgoing(TOPIC, b"%d" % i))) for i in range(200)]
            await until(lambda: slow.count(PUBLISH) == 5)
            await asyncio.sleep(0.2)
            assert slow.count(PUBLISH) == 5
            for task in publishing:
                task.cancel()

    with fake_broker(answer) as slow:
        asyncio.run(act(slow.port))
