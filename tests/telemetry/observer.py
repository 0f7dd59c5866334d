"""An independent client at the broker, as a hub is one: paho as it comes, with its own thread."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

_PATIENCE = 10.0  # seconds


class Observer:
    """Collects what it has subscribed to.

    Attributes:
        messages: in the order of arrival.
    """

    def __init__(self, client: Client) -> None:
        self.messages: list[MQTTMessage] = []
        self._client = client
        self._news = threading.Condition()
        client.on_message = self._on_message

    def topics(self) -> list[str]:
        """Return the topics of all messages."""
        return [message.topic for message in list(self.messages)]

    def payloads(self, topic: str) -> list[str]:
        """Return what came by a topic, as text."""
        return [message.payload.decode() for message in list(self.messages) if message.topic == topic]

    def wait(self, found: Callable[[], object], seconds: float = _PATIENCE) -> None:
        """Wait until something holds that messages can make true; fail otherwise."""
        with self._news:
            assert self._news.wait_for(lambda: bool(found()), seconds), self.topics()

    def wait_for(self, topic: str, payload: str, seconds: float = _PATIENCE) -> None:
        """Wait for a message."""
        self.wait(lambda: payload in self.payloads(topic), seconds)

    def publish(
        self, topic: str, payload: str | bytes, *, retain: bool = False, expiry: int = 0, reply: str = ""
    ) -> None:
        """Publish with QoS 1, and wait until the broker has it."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if expiry:
            properties.MessageExpiryInterval = expiry
        if reply:
            properties.ResponseTopic = reply
            properties.CorrelationData = b"1"
        self._client.publish(topic, payload, 1, retain, properties).wait_for_publish(_PATIENCE)

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        with self._news:
            self.messages.append(message)
            self._news.notify_all()


@contextmanager
def observer(port: int, *topics: str, username: str = "", password: str = "") -> Iterator[Observer]:
    """Listen to topics for the block; what was retained before comes first."""
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    if username:
        client.username_pw_set(username, password)
    ready = threading.Event()
    client.on_subscribe = lambda *_: ready.set()
    watching = Observer(client)
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe([(topic, 1) for topic in topics or ("#",)])
    assert ready.wait(_PATIENCE)
    try:
        yield watching
    finally:
        client.disconnect()
        client.loop_stop()


def eventually(holds: Callable[[], object], seconds: float = _PATIENCE) -> bool:
    """Wait until something holds that no message tells of."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.01)
    return False
