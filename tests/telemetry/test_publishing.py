"""What a link publishes: all of it, in order, never more at a time than the broker wants."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agent.errors import LinkDownError, RefusedError
from agent.telemetry.message import Outgoing
from tests.telemetry.broker import broker, free_port
from tests.telemetry.linking import COMMANDS, DEVICE, STATUS, connected, linked, until
from tests.telemetry.observer import eventually, observer
from tests.telemetry.wire import wire

TOPIC = f"edgewise/v1/{DEVICE}/event"
PING = COMMANDS.replace("+", "ping")


def test_what_is_published_arrives_with_all_that_was_said_about_it(tmp_path: Path) -> None:
    message = Outgoing(TOPIC, b"{}", expiry=7, correlation=b"c1", properties=(("boot", "b7"),))

    async def act(url: str) -> None:
        async with linked(url) as link:
            await connected(link)
            await link.publish(message)

    with broker(tmp_path) as mosquitto, observer(mosquitto.port) as hub:
        asyncio.run(act(mosquitto.url))
        hub.wait_for(TOPIC, "{}")
        got: Any = next(one for one in hub.messages if one.topic == TOPIC).properties
        assert (got.ContentType, got.CorrelationData, got.UserProperty) == ("application/json", b"c1", [("boot", "b7")])
        assert got.MessageExpiryInterval in {6, 7}


def test_a_retained_message_with_an_expiry_is_gone_when_nobody_renews_it(tmp_path: Path) -> None:
    async def act(url: str) -> None:
        async with linked(url) as link:
            await connected(link)
            await link.publish(Outgoing(TOPIC, b"now", retain=True, expiry=1))
            await link.publish(Outgoing(STATUS, b"online", retain=True))

    with broker(tmp_path) as mosquitto:
        asyncio.run(act(mosquitto.url))
        with observer(mosquitto.port, TOPIC) as early:
            early.wait_for(TOPIC, "now")

        def late() -> bool:
            with observer(mosquitto.port, TOPIC, STATUS) as hub:
                hub.wait(lambda: STATUS in hub.topics())
                return TOPIC not in hub.topics()

        assert eventually(late, 5)


def test_a_broker_that_hangs_does_not_stop_the_event_loop(tmp_path: Path) -> None:
    async def act(url: str) -> float:
        async with linked(url) as link:
            await connected(link)
            mosquitto.freeze()
            publishing = [asyncio.create_task(link.publish(Outgoing(TOPIC, b"x" * 200_000))) for _ in range(40)]
            slowest = 0.0
            for _ in range(50):
                start = asyncio.get_running_loop().time()
                await asyncio.sleep(0)
                link.offer(Outgoing(TOPIC, b"y" * 1000, qos=0))
                slowest = max(slowest, asyncio.get_running_loop().time() - start)
                await asyncio.sleep(0.005)
            mosquitto.thaw()
            await asyncio.gather(*publishing)
            return slowest

    with broker(tmp_path) as mosquitto:
        assert asyncio.run(act(mosquitto.url)) < 0.2


def test_what_is_offered_to_a_full_socket_is_dropped_and_what_is_offered_to_an_empty_one_arrives(
    tmp_path: Path,
) -> None:
    async def act(url: str) -> tuple[bool, int]:
        async with linked(url) as link:
            await connected(link)
            taken = link.offer(Outgoing(TOPIC, b"first", qos=0)) and link.offer(Outgoing(TOPIC, b"second", qos=0))
            await asyncio.to_thread(hub.wait_for, TOPIC, "second")
            cable.freeze()
            large = Outgoing(TOPIC, b"z" * 8000, qos=0)
            for _ in range(5000):
                if not link.offer(large):
                    await asyncio.sleep(0.01)
                    if not link.offer(large):
                        return taken, 0
            return taken, 1

    with broker(tmp_path) as mosquitto, observer(mosquitto.port) as hub, wire(mosquitto.port) as cable:
        assert asyncio.run(act(f"mqtt://127.0.0.1:{cable.port}")) == (True, 0)


def test_what_was_waiting_for_its_turn_when_the_cable_was_cut_is_given_back(tmp_path: Path) -> None:
    async def act(url: str) -> None:
        async with linked(url) as link:
            await connected(link)
            cable.freeze()
            publishing = [asyncio.create_task(link.publish(Outgoing(TOPIC, b"%d" % i))) for i in range(200)]
            await asyncio.sleep(0.1)
            cable.mend()
            results = await asyncio.gather(*publishing, return_exceptions=True)
            assert all(isinstance(result, LinkDownError) for result in results)

    with broker(tmp_path) as mosquitto, wire(mosquitto.port) as cable:
        asyncio.run(act(f"mqtt://127.0.0.1:{cable.port}"))


def test_messages_arrive_in_the_order_in_which_they_were_published(tmp_path: Path) -> None:
    async def act(url: str) -> None:
        async with linked(url) as link:
            await connected(link)
            await asyncio.gather(*(link.publish(Outgoing(TOPIC, b"%d" % i)) for i in range(200)))

    with broker(tmp_path) as mosquitto, observer(mosquitto.port, TOPIC) as hub:
        asyncio.run(act(mosquitto.url))
        hub.wait(lambda: len(hub.messages) == 200)
        assert hub.payloads(TOPIC) == [str(i) for i in range(200)]


def test_a_cancelled_publication_keeps_its_place_until_the_broker_has_answered(tmp_path: Path) -> None:
    async def act(url: str) -> None:
        async with linked(url, subscriptions=()) as link:
            await connected(link)
            mosquitto.freeze()
            first = [asyncio.create_task(link.publish(Outgoing(TOPIC, b"a"))) for _ in range(2)]
            await asyncio.sleep(0.05)
            for task in first:
                task.cancel()
            second = asyncio.create_task(link.publish(Outgoing(TOPIC, b"b")))
            await asyncio.sleep(0.05)
            connection = link._connection
            assert connection
            assert len(connection._sent) == 2
            mosquitto.thaw()
            await second

    with broker(tmp_path, "max_inflight_messages 2") as mosquitto:
        asyncio.run(act(mosquitto.url))


def test_without_a_connection_nothing_is_taken() -> None:
    async def act() -> None:
        async with linked(f"mqtt://127.0.0.1:{free_port()}") as link:
            await until(lambda: link.status.state == "waiting")
            with pytest.raises(LinkDownError):
                await link.publish(Outgoing(TOPIC, b""))
            assert not link.offer(Outgoing(TOPIC, b"", qos=0))
            assert link.window == 0

    asyncio.run(act())


def test_a_slow_cable_is_used_all_the_same(tmp_path: Path) -> None:
    async def act(url: str) -> None:
        async with linked(url) as link:
            await connected(link)
            cable.drip(20_000)
            await asyncio.gather(*(link.publish(Outgoing(TOPIC, b"%d" % i + b" " * 500)) for i in range(20)))

    with broker(tmp_path) as mosquitto, observer(mosquitto.port, TOPIC) as hub, wire(mosquitto.port) as cable:
        asyncio.run(act(f"mqtt://127.0.0.1:{cable.port}"))
        hub.wait(lambda: len(hub.messages) == 20)


def test_a_message_larger_than_the_broker_takes_is_refused_before_it_costs_the_connection(tmp_path: Path) -> None:
    async def act(url: str) -> None:
        async with linked(url) as link:
            await connected(link)
            with pytest.raises(RefusedError, match="more than 2000 bytes"):
                await link.publish(Outgoing(TOPIC, b"x" * 3000))
            await link.publish(Outgoing(TOPIC, b"x" * 1500))
            assert link.status.reconnects == 0

    with broker(tmp_path, "max_packet_size 2000") as mosquitto:
        asyncio.run(act(mosquitto.url))
