"""The access list of the documentation on a real broker: each device has its own part, and the hub has all of them."""

import asyncio
from pathlib import Path

import pytest

from agent.errors import RefusedError
from agent.telemetry.link.address import Address
from agent.telemetry.message import Outgoing
from agent.telemetry.topics import Topics
from tests.cli.running import edgewise
from tests.fleet.documented import documented
from tests.telemetry.linking import Recorder, connected, linked, until
from tests.telemetry.observer import observer
from tests.web.daemon import daemon

DEVICES = ("pi-kitchen", "pi-hall")
OWN = ("status", "birth", "state", "telemetry", "event", "log", "rsp/ping", "reported", "job/j-1/status")
HUBS = ("cmd/ping", "desired", "job/j-1")


def password(folder: Path, name: str) -> Path:
    path = folder / f"{name}.password"
    path.write_text(name)
    return path


def address(folder: Path, url: str, device: str) -> Address:
    return Address(url, device, password_file=password(folder, device))


def test_a_device_publishes_its_own_topics_and_no_others(tmp_path: Path) -> None:
    mine, others = (Topics("edgewise/v1", device) for device in DEVICES)
    forbidden = [
        *(others.own(name) for name in (*OWN, *HUBS)),
        *(mine.own(name) for name in HUBS),
        "edgewise/v1/_all/cmd/ping",
        "edgewise/v1/_grp/pilot/cmd/ping",
        "homeassistant/device/pi-hall/config",
        "spBv1.0/plant/NBIRTH/pi-hall",
    ]

    async def act(url: str) -> None:
        async with linked(address(tmp_path, url, "pi-kitchen"), Recorder(greet=False), will_delay=0) as link:
            await connected(link)
            for name in OWN:
                await link.publish(Outgoing(mine.own(name), b"{}"))
            await link.publish(Outgoing("homeassistant/device/pi-kitchen/config", b"{}"))
            await link.publish(Outgoing("spBv1.0/plant/NBIRTH/pi-kitchen", b""))
            for topic in forbidden:
                with pytest.raises(RefusedError):
                    await link.publish(Outgoing(topic, b"{}"))

    with documented(tmp_path, *DEVICES) as broker:
        asyncio.run(act(broker.url))


def test_a_device_hears_what_is_for_it_and_nothing_else(tmp_path: Path) -> None:
    recorder = Recorder(greet=False)
    mine, others = (Topics("edgewise/v1", device) for device in DEVICES)
    listened = [*mine.subscriptions(["pilot"]), *others.subscriptions([]), mine.own("#"), "#"]

    async def act(url: str, port: int) -> None:
        async with linked(address(tmp_path, url, "pi-kitchen"), recorder, subscriptions=listened) as link:
            await connected(link)
            with observer(port, username="hub", password="hub") as hub:  # noqa: S106 - of the test's broker
                for topics in (others, mine):
                    for name in HUBS:
                        hub.publish(topics.own(name), topics.device)
                hub.publish("edgewise/v1/_grp/pilot/cmd/ping", "pi-kitchen")
                hub.publish("edgewise/v1/_all/cmd/ping", "the end")
            await until(lambda: any(message.payload == b"the end" for message in recorder.messages))

    with documented(tmp_path, "hub", *DEVICES) as broker:
        asyncio.run(act(broker.url, broker.port))
    assert {message.payload for message in recorder.messages} == {b"pi-kitchen", b"the end"}


def test_a_real_device_is_denied_nothing_that_it_needs(tmp_path: Path) -> None:
    with documented(tmp_path, "hub", "homeassistant", "pi-kitchen") as broker:
        place = ["--mqtt-url", broker.url, "--mqtt-id", "pi-kitchen", "--mqtt-groups", "pilot"]
        more = ["--mqtt-sparkplug", "plant", "--mqtt-password-file", str(password(tmp_path, "pi-kitchen"))]
        with daemon(tmp_path / "state", *place, *more):
            with observer(broker.port, "homeassistant/#", username="homeassistant", password="homeassistant") as home:  # noqa: S106 - of the test's broker
                home.wait(lambda: "homeassistant/device/pi-kitchen/config" in home.topics())
            asking = ["--broker", broker.url, "--username", "hub", "--password-file", str(password(tmp_path, "hub"))]
            done = edgewise(tmp_path, "fleet", "send", *asking, "group:pilot", "ping", "spread_s=0")
    assert "pi-kitchen  ok" in done.stdout, done.stderr + (tmp_path / "state" / "log").read_text()
    assert "Denied" not in broker.log()
