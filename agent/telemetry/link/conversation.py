"""The thread in which paho talks to the broker, and what it hears there."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import LogLevel, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.errors import ConfigError
from agent.telemetry.link import packets, trouble
from agent.telemetry.link.hello import Hello
from agent.telemetry.link.trouble import Trouble
from agent.telemetry.message import Incoming

logger = logging.getLogger(__name__)

Words = tuple[str, ...]
"""What a packet was answered, for each of its parts why it was refused; empty: it was not."""

_ANY = 65535  # of packets at a time, where the broker says nothing


class Hearer(Protocol):
    """Who is told, in the event loop."""

    def accepted(self, remembered: bool, window: int, largest: int) -> None:  # noqa: FBT001 - MQTT's own flag
        """The broker takes us, this many QoS 1 messages at a time, and this many bytes, 0 for any."""

    def answered(self, number: int, words: Words) -> None:
        """A packet was answered; of QoS 0: was written."""

    def over(self, reason: Trouble) -> None:
        """The thread has ended."""


class Conversation:
    """A thread of our own: it connects, which blocks, and then runs paho's loop until the connection ends.

    Attributes:
        client: to be used from any thread; None at the end.
    """

    def __init__(self, hello: Hello, hearer: Hearer) -> None:
        self.client: Client | None = None
        self._arrived: asyncio.Queue[Incoming] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._hello = hello
        self._hearer = hearer
        self._place = hello.address.endpoint()
        self._accepted = self._dropped = False
        self._unacknowledged: set[int] = set()
        self._heard = self._taken = 0  # bytes of messages, each counted in one thread only
        self._reason: Trouble | None = None  # the first that was heard of
        self._complaint = ""  # paho's last

    def start(self) -> None:
        """Begin to connect."""
        # A thread that hangs in a name lookup must not keep the daemon from ending.
        threading.Thread(target=self._run, name="mqtt", daemon=True).start()

    async def receive(self) -> Incoming:
        """Return the next message, in the order in which they came."""
        message = await self._arrived.get()
        self._taken += len(message.payload)
        return message

    def drop(self) -> None:
        """End without a word."""
        self._dropped = True
        client = self.client
        sock = client.socket() if client else None
        if isinstance(sock, socket.socket):
            with suppress(OSError):  # the other thread has just closed it
                sock.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        reason = trouble.CRASHED
        try:
            reason = self._converse()
        except Exception:
            logger.exception("The thread of the connection to %s broke", self._place)
        finally:
            self.client = None  # the last reference: paho closes its sockets
            self._post(self._hearer.over, reason)

    def _converse(self) -> Trouble:
        """Connect, and run paho's loop until the connection ends; return why."""
        try:
            self.client = client = self._hello.client()
            self._listen_to(client)
            self._hello.connect(client)
        except ConfigError as error:
            return Trouble(error.message, error.hint)
        except (OSError, ValueError) as error:
            return trouble.unreachable(error, self._place)
        tick = self._hello.tick()
        while not self._dropped and client.loop(tick) == MQTTErrorCode.MQTT_ERR_SUCCESS:
            pass
        return self._why()

    def _listen_to(self, client: Client) -> None:
        client.on_socket_open = _send_small_packets_at_once
        # With this set, paho never writes in the thread that publishes, but wakes ours to do it.
        client.on_socket_register_write = lambda _client, _userdata, _socket: None
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_log = self._on_log

    def _why(self) -> Trouble:
        if self._reason:
            return self._reason
        refused = trouble.certificate_refused(self._complaint)
        if refused and self._place.tls:
            return refused
        return trouble.lost() if self._accepted else trouble.unanswered(self._place)

    def _on_connect(
        self, _client: Client, _userdata: object, flags: ConnectFlags, code: ReasonCode, given: Properties | None
    ) -> None:
        if code.is_failure:
            self._reason = self._said(code, given)
            return
        self._accepted = True
        window, largest = getattr(given, "ReceiveMaximum", _ANY), getattr(given, "MaximumPacketSize", 0)
        self._post(self._hearer.accepted, flags.session_present, window, largest)

    def _on_disconnect(
        self, _client: Client, _userdata: object, flags: DisconnectFlags, code: ReasonCode, given: Properties | None
    ) -> None:
        quiet = code.getName() == "Keep alive timeout"
        if self._reason is None and (flags.is_disconnect_packet_from_server or quiet):
            self._reason = self._said(code, given)

    def _on_publish(
        self, _client: Client, _userdata: object, number: int, code: ReasonCode, given: Properties | None
    ) -> None:
        self._post(self._hearer.answered, number, (packets.words(code, given) if code.is_failure else "",))

    def _on_subscribe(
        self, _client: Client, _userdata: object, number: int, codes: list[ReasonCode], _given: Properties | None
    ) -> None:
        self._post(self._hearer.answered, number, tuple(code.getName() if code.is_failure else "" for code in codes))

    def _on_message(self, client: Client, _userdata: object, message: MQTTMessage) -> None:
        if len(message.payload) > packets.LARGEST:  # a broker of MQTT 3.1.1 cannot be told
            logger.warning("A message of %d bytes was thrown away", len(message.payload))
            client.ack(message.mid, message.qos)
            return
        if self._arrived.qsize() >= self._hello.waiting or self._heard - self._taken > packets.WAITING_BYTES:
            logger.warning("More messages arrive than can be handled; one was left to the broker")
            return
        arrived = packets.incoming(message, partial(self._acknowledge, message.mid) if message.qos else _nothing)
        if message.qos:
            self._unacknowledged.add(message.mid)
        self._heard += len(arrived.payload)
        self._post(self._arrived.put_nowait, arrived)

    def _on_log(self, _client: Client, _userdata: object, level: int, text: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self._complaint = text
            logger.debug("paho: %s", text)

    def _acknowledge(self, number: int) -> None:
        """Tell the broker that a message has been taken care of: once, and only in the connection it came by."""
        client = self.client
        with suppress(KeyError):
            self._unacknowledged.remove(number)
            if client:
                client.ack(number, 1)

    def _said(self, code: ReasonCode, given: Properties | None) -> Trouble:
        return trouble.said_by_broker(code.value, packets.words(code, given), self._hello.address.client_id)

    def _post(self, call: Callable[..., object], *arguments: object) -> None:
        with suppress(RuntimeError):  # the event loop has ended, and nobody wants to know
            self._loop.call_soon_threadsafe(call, *arguments)


def _send_small_packets_at_once(_client: Client, _userdata: object, sock: object) -> None:
    """Switch off Nagle's algorithm, which holds back an answer until the one before it is acknowledged."""
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _nothing() -> None:
    """Acknowledge a QoS 0 message, of which the broker does not want to hear."""
