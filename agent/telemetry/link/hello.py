"""A client of paho that has been told everything about us."""

from collections.abc import Callable
from dataclasses import dataclass

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.telemetry.link import packets
from agent.telemetry.link.address import Address
from agent.telemetry.link.pace import Pace
from agent.telemetry.message import Outgoing

_CONNECT = 10.0  # seconds for TCP, and for each step of TLS


@dataclass(frozen=True)
class Hello:
    """How to introduce ourselves; the attributes are those of `Link`."""

    address: Address
    will: Outgoing | Callable[[], Outgoing] | None
    will_delay: float
    clean: bool
    session_expiry: int
    version5: bool
    pace: Pace
    waiting: int

    def client(self) -> Client:
        """Return a new client, which waits for its loop to be run.

        Raises:
            ConfigError: password, certificates or key cannot be read.
        """
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.address.client_id,
            clean_session=None if self.version5 else self.clean,
            protocol=MQTTProtocolVersion.MQTTv5 if self.version5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.suppress_exceptions = True  # paho tells `on_log` of them
        client.connect_timeout = _CONNECT
        client.max_inflight_messages = 0  # we count ourselves, and paho does not when it matters
        username, password = self.address.login()
        if username or password:
            client.username_pw_set(username, password or None)
        if self.address.endpoint().tls:
            client.tls_set_context(self.address.context())
        if self.will is not None:
            self._leave_will(client, self.will if isinstance(self.will, Outgoing) else self.will())
        return client

    def connect(self, client: Client) -> None:
        """Make the connection, which may take long, and put the first packet in line.

        Raises:
            OSError: there is no connection.
            ValueError: the host's name is malformed.
        """
        place, keepalive = self.address.endpoint(), self.pace.keepalive
        if self.version5:
            properties = packets.hello(0 if self.clean else self.session_expiry)
            client.connect(place.host, place.port, keepalive, clean_start=self.clean, properties=properties)
        else:
            client.connect(place.host, place.port, keepalive)

    def tick(self) -> float:
        """Return how often to look at the clock: five times within the time of silence that is allowed."""
        return min(5.0, self.pace.keepalive / 5)

    def _leave_will(self, client: Client, will: Outgoing) -> None:
        properties = packets.of_will(will, self.will_delay) if self.version5 else None
        client.will_set(will.topic, will.payload, will.qos, will.retain, properties)
