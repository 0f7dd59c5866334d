"""An independent client at the broker, as a hub is one: paho as it comes, with its own thread."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from paho.mqtt.client import Client, MQTTMessage, MQTTMessageInfo
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
            assert self._news.wait_for(lambda: bool(found()), seconds), Counter(self.topics())

    def wait_for(self, topic: str, payload: str, seconds: float = _PATIENCE) -> None:
        """Wait for a message."""
        self.wait(lambda: payload in self.payloads(topic), seconds)

    def publish(
        self, topic: str, payload: str | bytes, *, retain: bool = False, expiry: int = 0, reply: str = ""
    ) -> None:
        """Publish with QoS 1, and wait until the broker has it."""
        self.send(topic, payload, retain=retain, expiry=expiry, reply=reply).wait_for_publish(_PATIENCE)

    def send(
        self, topic: str, payload: str | bytes, *, retain: bool = False, expiry: int = 0, reply: str = ""
    ) -> MQTTMessageInfo:
        """Publish with QoS 1; an older protocol knows neither expiry nor reply."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if expiry:
            properties.MessageExpiryInterval = expiry
        if reply:
            properties.ResponseTopic = reply
            properties.CorrelationData = b"1"
        return self._client.publish(topic, payload, 1, retain, properties if expiry or reply else None)

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        with self._news:
            self.messages.append(message)
            self._news.notify_all()


def _send_at_once(_client: Client, _userdata: object, sock: object) -> None:
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@contextmanager
def observer(
    port: int, *topics: str, username: str = "", password: str = "", version5: bool = True
) -> Iterator[Observer]:
    """Listen to topics for the block; what was retained before comes first."""
    protocol = MQTTProtocolVersion.MQTTv5 if version5 else MQTTProtocolVersion.MQTTv311
    client = Client(CallbackAPIVersion.VERSION2, protocol=protocol)
    if username:
        client.username_pw_set(username, password)
    ready = threading.Event()
    client.on_subscribe = lambda *_: ready.set()
    client.on_socket_open = _send_at_once
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
