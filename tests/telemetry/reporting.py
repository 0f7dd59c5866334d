"""A whole daemon that reports to a real broker over a cable that can be broken, and a hub that looks on."""

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from paho.mqtt.client import MQTTMessage

from agent.telemetry.payloads import Item, Response
from tests.telemetry.bookkeeping import Hub
from tests.telemetry.broker import Broker, broker
from tests.telemetry.linking import DEVICE
from tests.telemetry.observer import Observer, eventually, observer
from tests.telemetry.wire import Wire, wire
from tests.web.daemon import Daemon, daemon

OWN = f"edgewise/v1/{DEVICE}"
KINDS = ("event", "telemetry", "log")


@dataclass
class Place:
    """What a device is connected to, and who listens."""

    folder: Path
    broker: Broker
    cable: Wire
    hub: Observer
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def flags(self, *more: str) -> list[str]:
        """Return what a daemon must be told to report here, every second."""
        url = f"mqtt://127.0.0.1:{self.cable.port}"
        usual = ["--mqtt-url", url, "--mqtt-id", DEVICE, "--mqtt-interval", "1", "--discovery", "false"]
        return [*usual, *more]

    def log(self) -> str:
        """Return what the daemon has written down."""
        return (self.folder / "state" / "log").read_text()

    def clock(self) -> int:
        """Return milliseconds since 1970."""
        return round(time.time() * 1000)

    def statuses(self) -> list[str]:
        """Return what was said of whether the device is there."""
        return self.hub.payloads(f"{OWN}/status")

    def items(self, *kinds: str) -> list[Item]:
        """Return all items in the order of their arrival, those that came twice included."""
        topics = {f"{OWN}/{kind}" for kind in kinds or KINDS}
        payloads = [message.payload for message in list(self.hub.messages) if message.topic in topics]
        return [item for payload in payloads for item in msgspec.json.decode(payload, type=list[Item])]

    def ledger(self) -> Hub:
        """Return what a hub knows that drops what comes twice."""
        known = Hub()
        for item in self.items():
            known.take(item)
        return known

    def ask(self, name: str, payload: object = b"{}", *, retain: bool = False, expiry: int = 0) -> Response:
        """Send a command, and return its last answer; a payload that is no bytes is sent as JSON."""
        reply = f"answers/{next(self._numbers)}"
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.hub.publish(f"{OWN}/cmd/{name}", data, retain=retain, expiry=expiry, reply=reply)
        self.hub.wait(lambda: self.answers(reply))
        return self.answers(reply)[-1]

    def answers(self, topic: str) -> list[Response]:
        """Return the last answers that came by a topic."""
        found = [msgspec.json.decode(payload, type=Response) for payload in self.hub.payloads(topic)]
        return [answer for answer in found if answer.status not in {"accepted", "progress"}]

    def newest(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Return the last that came by a topic of the device."""
        return json.loads(self.hub.payloads(f"{OWN}/{name}")[-1])

    def wait_for_news(self, name: str = "telemetry", seconds: float = 20.0) -> None:
        """Wait for another message by a topic of the device."""
        before = len(self.hub.payloads(f"{OWN}/{name}"))
        self.hub.wait(lambda: len(self.hub.payloads(f"{OWN}/{name}")) > before, seconds)


@contextmanager
def place(folder: Path, *options: str, access: tuple[str, ...] = ()) -> Iterator[Place]:
    """Run a broker, a cable and a hub for the block."""
    with (
        broker(folder, *options, access=access) as mosquitto,
        wire(mosquitto.port) as cable,
        observer(mosquitto.port) as hub,
    ):
        yield Place(folder, mosquitto, cable, hub)


@contextmanager
def reporting(here: Place, *flags: str, ready: bool = True) -> Iterator[Daemon]:
    """Run a daemon that reports there for the block, and kill it at the end."""
    with daemon(here.folder / "state", *here.flags(*flags), ready=ready) as running:
        yield running


def properties(message: MQTTMessage) -> dict[str, Any]:
    """Return what a message says of itself; bytes in hexadecimal."""
    assert message.properties is not None
    found: dict[str, Any] = message.properties.json()  # type: ignore[no-untyped-call]
    return found


def end(running: Daemon, seconds: float = 10.0) -> None:
    """End a daemon in good order."""
    running.process.terminate()
    assert eventually(lambda: running.process.poll() is not None, seconds)
