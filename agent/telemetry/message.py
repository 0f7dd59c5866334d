"""Messages as the rest of telemetry sees them, whatever the client library and the version of the protocol."""

from collections.abc import Callable
from dataclasses import dataclass, field

JSON = "application/json"


@dataclass(frozen=True)
class Outgoing:
    """A message to publish.

    Attributes:
        qos: 0 or 1; QoS 2 is not used, since a key in the payload does its work.
        expiry: seconds after which the broker throws it away; 0: never. Not in MQTT 3.1.1, nor are the following.
        correlation: with which a response says what it answers.
        properties: user properties.
        response_topic: where an answer is wanted.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    expiry: float = 0.0
    content_type: str = JSON
    correlation: bytes = b""
    properties: tuple[tuple[str, str], ...] = ()
    response_topic: str = ""


@dataclass(frozen=True)
class Incoming:
    """A message that has arrived. The broker keeps it until `acknowledge` is called, from any thread.

    Attributes:
        retain: it lay at the broker before we subscribed.
        response_topic: where an answer is to be published; empty: nowhere in particular.
    """

    topic: str
    payload: bytes
    retain: bool = False
    response_topic: str = ""
    correlation: bytes = b""
    acknowledge: Callable[[], None] = field(default=lambda: None, compare=False)
