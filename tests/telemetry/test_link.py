"""The link over the wire, with a real broker and an independent observer."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from agent.telemetry.link.address import Address
from agent.telemetry.message import Incoming, Outgoing
from tests.telemetry.broker import broker
from tests.telemetry.linking import COMMANDS, DEVICE, QUICK, STATUS, WILL, Recorder, connected, linked, until
from tests.telemetry.observer import observer
from tests.telemetry.wire import wire

TOPIC = f"edgewise/v1/{DEVICE}/event"
PING = COMMANDS.replace("+", "ping")


def test_a_farewell_comes_instead_of_the_will(tmp_path: Path) -> None:
    async def act(url: str) -> None:
        async with linked(url) as link:
            await connected(link)
            await link.close(replace(WILL, payload=b"bye"))

    with broker(tmp_path) as mosquitto, observer(mosquitto.port) as hub:
        asyncio.run(act(mosquitto.url))
        hub.wait_for(STATUS, "bye")
        hub.publish("end", "")
        hub.wait(lambda: "end" in hub.topics())
        assert hub.payloads(STATUS) == ["online", "bye"]


def test_a_broker_that_does_not_take_the_farewell_publishes_the_will(tmp_path: Path) -> None:
    async def act(url: str, cable_freeze: object) -> float:
        loop = asyncio.get_running_loop()
        async with linked(url, pace=replace(QUICK, farewell=0.3)) as link:
            await connected(link)
            cable_freeze()  # type: ignore[operator]
            start = loop.time()
            await link.close(replace(WILL, payload=b"bye"))
            return loop.time() - start

    with broker(tmp_path) as mosquitto, observer(mosquitto.port) as hub, wire(mosquitto.port) as cable:
        assert asyncio.run(act(f"mqtt://127.0.0.1:{cable.port}", cable.freeze)) < 2
        cable.mend()
        hub.wait_for(STATUS, "offline")
        assert "bye" not in hub.payloads(STATUS)


@pytest.mark.parametrize("how", ["cut", "reset"])
def test_a_cut_cable_brings_the_will_and_a_mended_one_the_device(tmp_path: Path, how: str) -> None:
    recorder = Recorder()

    async def act(url: str) -> None:
        async with linked(url, recorder) as link:
            await until(lambda: recorder.starts)
            getattr(cable, how)()
            await asyncio.to_thread(hub.wait_for, STATUS, "offline")
            cable.mend()
            await until(lambda: len(recorder.starts) == 2)
            assert (link.status.state, link.status.reason, link.status.reconnects) == ("connected", "", 1)

    with broker(tmp_path) as mosquitto, observer(mosquitto.port) as hub, wire(mosquitto.port) as cable:
        asyncio.run(act(f"mqtt://127.0.0.1:{cable.port}"))
        hub.wait(lambda: hub.payloads(STATUS)[:3] == ["online", "offline", "online"])
    assert recorder.ends[0] == "The connection to the broker was lost."
    assert recorder.starts == [False, True]


def test_a_short_absence_is_no_news(tmp_path: Path) -> None:
    recorder = Recorder(greet=False)

    async def act(url: str) -> None:
        async with linked(url, recorder, will_delay=2):
            await until(lambda: recorder.starts)
            cable.cut()
            await asyncio.sleep(0.3)
            cable.mend()
            await until(lambda: len(recorder.starts) == 2)
            await asyncio.sleep(2.2)

    with broker(tmp_path) as mosquitto, observer(mosquitto.port) as hub, wire(mosquitto.port) as cable:
        asyncio.run(act(f"mqtt://127.0.0.1:{cable.port}"))
        assert not hub.messages


def test_a_half_open_connection_ends_when_nothing_is_heard_any_more(tmp_path: Path) -> None:
    recorder = Recorder()

    async def act(url: str) -> None:
        async with linked(url, recorder, pace=replace(QUICK, keepalive=1, patience=1.0)):
            await until(lambda: recorder.starts)
            cable.freeze()
            await until(lambda: recorder.ends)
            assert recorder.ends == ["The broker gave no sign of life."]
            cable.mend()
            await until(lambda: len(recorder.starts) == 2)

    with broker(tmp_path) as mosquitto, wire(mosquitto.port) as cable:
        asyncio.run(act(f"mqtt://127.0.0.1:{cable.port}"))


def test_a_command_that_was_not_acknowledged_comes_again_and_one_that_was_does_not(tmp_path: Path) -> None:
    recorder = Recorder(acknowledge=False)

    async def act(url: str) -> None:
        async with linked(url, recorder) as link:
            await connected(link)
            hub.publish(PING, "1", reply="hub/rsp")
            hub.publish(PING, "2")
            await until(lambda: len(recorder.messages) == 2)
            recorder.messages[1].acknowledge()
            await asyncio.sleep(0.1)
            cable.reset()
            await until(lambda: len(recorder.messages) == 3)
            recorder.messages[0].acknowledge()  # of a connection that is no more
            recorder.messages[2].acknowledge()
            await link.publish(Outgoing(TOPIC, b"still here"))

    with broker(tmp_path) as mosquitto, observer(mosquitto.port) as hub, wire(mosquitto.port) as cable:
        asyncio.run(act(f"mqtt://127.0.0.1:{cable.port}"))
    assert [message.payload for message in recorder.messages] == [b"1", b"2", b"1"]
    assert (recorder.messages[2].response_topic, recorder.messages[2].correlation) == ("hub/rsp", b"1")


def test_a_command_sent_while_the_device_was_away_is_waiting_for_it(tmp_path: Path) -> None:
    first, second = Recorder(), Recorder()

    async def act(url: str, recorder: Recorder) -> None:
        async with linked(url, recorder) as link:
            await connected(link)
            if recorder is second:
                await until(lambda: recorder.messages)

    with broker(tmp_path) as mosquitto, observer(mosquitto.port) as hub:
        asyncio.run(act(mosquitto.url, first))
        hub.publish(PING, "late")
        asyncio.run(act(mosquitto.url, second))
    assert [message.payload for message in second.messages] == [b"late"]
    assert second.starts == [True]


def test_a_restarted_broker_is_found_again_with_all_it_knew(tmp_path: Path) -> None:
    recorder = Recorder()

    async def act() -> None:
        async with linked(mosquitto.url, recorder) as link:
            await until(lambda: recorder.starts)
            await asyncio.to_thread(mosquitto.stop)
            await until(lambda: link.status.state == "waiting" and "Nobody listens" in link.status.reason)
            await asyncio.to_thread(mosquitto.start)
            await until(lambda: len(recorder.starts) == 2)

    with broker(tmp_path) as mosquitto:
        asyncio.run(act())
    assert recorder.starts == [False, True]


def test_a_message_of_many_kilobytes_never_reaches_the_device(tmp_path: Path) -> None:
    recorder = Recorder()

    async def act(url: str) -> None:
        async with linked(url, recorder) as link:
            await connected(link)
            hub.publish(PING, b"x" * 300_000)
            hub.publish(PING, "small")
            await until(lambda: recorder.messages)

    with broker(tmp_path) as mosquitto, observer(mosquitto.port, TOPIC) as hub:
        asyncio.run(act(mosquitto.url))
    assert [message.payload for message in recorder.messages] == [b"small"]


def test_a_listener_that_fails_costs_no_connection_and_is_not_told_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Clumsy(Recorder):
        async def received(self, message: Incoming) -> None:
            self.messages.append(message)
            raise ZeroDivisionError

    recorder = Clumsy()

    async def act(url: str) -> None:
        async with linked(url, recorder) as link:
            await connected(link)
            hub.publish(PING, "1")
            await until(lambda: "ZeroDivisionError" in caplog.text)
            await link.publish(Outgoing(TOPIC, b"still here"))
        async with linked(url, recorder):
            hub.publish(PING, "2")
            await until(lambda: len(recorder.messages) > 1)
        assert [message.payload for message in recorder.messages] == [b"1", b"2"]

    with broker(tmp_path) as mosquitto, observer(mosquitto.port, TOPIC) as hub:
        asyncio.run(act(mosquitto.url))


def test_a_password_in_the_url_works_and_is_never_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    async def act(address: Address) -> None:
        async with linked(address) as link:
            await connected(link)
            assert "s3cret" not in repr((link.status, address))

    with broker(tmp_path, users={"ada": "s3cret"}) as mosquitto:
        asyncio.run(act(Address(f"mqtt://ada:s3cret@127.0.0.1:{mosquitto.port}", DEVICE)))
    assert "s3cret" not in caplog.text
