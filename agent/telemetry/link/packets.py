"""Between our messages and paho's."""

import math
from collections.abc import Callable

from paho.mqtt.client import MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.telemetry.message import Incoming, Outgoing

LARGEST = 256 * 1024
"""Bytes of the largest message that we take. A broker of MQTT 5 is told, and keeps larger ones to itself."""

TAKEN_AT_ONCE = 32
"""Messages that a broker may send before the first of them is acknowledged; also told."""

WAITING = 2048
"""Arrived messages that nobody has looked at yet, unless the listener wants more.

mosquitto 2.0 forgets how many we take at once as soon as the first is acknowledged, and sends all that it has for us:
up to 1000. What is left to the broker comes only with the next connection, so that these have to fit.
"""

WAITING_BYTES = 16 * 1024 * 1024
"""Of these messages: as many of the largest kind as we take at once, and as much again."""

LEAVE_WITH_WILL = ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message")
"""Why we disconnect: the broker publishes the will all the same."""

_OVERHEAD = 64  # bytes of headers and property names around topic, payload and values; generous


def hello(session_expiry: int) -> Properties:
    """Return what we tell the broker about us."""
    properties = _none(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = session_expiry
    properties.ReceiveMaximum = TAKEN_AT_ONCE
    properties.MaximumPacketSize = LARGEST
    return properties


def of_will(will: Outgoing, delay: float) -> Properties:
    """Return the properties of the message that the broker publishes when we are gone for `delay` seconds."""
    properties = _of(PacketTypes.WILLMESSAGE, will)
    properties.WillDelayInterval = math.ceil(delay)
    return properties


def of_publish(message: Outgoing) -> Properties:
    """Return the properties of a message."""
    return _of(PacketTypes.PUBLISH, message)


def size(message: Outgoing) -> int:
    """Return how many bytes a message takes on the wire, or a few more."""
    properties = sum(len(name) + len(value) + 10 for name, value in message.properties)
    topics = len(message.topic.encode()) + len(message.response_topic.encode())
    head = topics + len(message.content_type) + len(message.correlation)
    return head + len(message.payload) + properties + _OVERHEAD


def incoming(message: MQTTMessage, acknowledge: Callable[[], None]) -> Incoming:
    """Return an arrived message.

    Raises:
        UnicodeDecodeError: the topic is no text.
    """
    return Incoming(
        message.topic,
        bytes(message.payload),
        retain=message.retain,
        response_topic=getattr(message.properties, "ResponseTopic", ""),
        correlation=getattr(message.properties, "CorrelationData", b""),
        acknowledge=acknowledge,
    )


def filters(
    topics: list[str], qos: int, *, version5: bool
) -> list[tuple[str, SubscribeOptions]] | list[tuple[str, int]]:
    """Return what to subscribe to, with retained messages only the first time, where that can be said."""
    once = SubscribeOptions(qos=qos, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
    return [(topic, once) for topic in topics] if version5 else [(topic, qos) for topic in topics]


def words(code: ReasonCode, properties: Properties | None) -> str:
    """Return the name of a reason code, and what the broker adds."""
    added = getattr(properties, "ReasonString", "")
    return f"{code.getName()} ({added[:200]})" if added else code.getName()


def _none(kind: int) -> Properties:
    return Properties(kind)  # type: ignore[no-untyped-call]  # paho has no types there


def _of(kind: int, message: Outgoing) -> Properties:
    properties = _none(kind)
    if message.expiry > 0:
        properties.MessageExpiryInterval = math.ceil(message.expiry)
    if message.content_type:
        properties.ContentType = message.content_type
    if message.correlation:
        properties.CorrelationData = message.correlation
    if message.response_topic:
        properties.ResponseTopic = message.response_topic
    if message.properties:
        properties.UserProperty = list(message.properties)
    return properties
