"""A broker of a few lines that does what mosquitto cannot be made to do: be old, deny, hang, talk nonsense."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

CONNECT, PUBLISH, SUBSCRIBE, DISCONNECT = 1, 3, 8, 14
V311, V5 = 4, 5
WELCOME = {V311: b"\x20\x02\x00\x00", V5: b"\x20\x03\x00\x00\x00"}
DENIED = {V311: b"\x90\x03%b\x80", V5: b"\x90\x04%b\x00\x87"}
ALLOWED = {V311: b"\x90\x03%b\x01", V5: b"\x90\x04%b\x00\x01"}


@dataclass
class Packet:
    """A packet from the client.

    Attributes:
        kind: of the packet, such as CONNECT.
        body: without the fixed header.
        version: of the protocol, as the CONNECT of this connection said.
    """

    kind: int
    body: bytes
    version: int

    @property
    def number(self) -> bytes:
        """The packet identifier, as it is sent back; of a PUBLISH, which is taken to be of QoS 1, behind the topic."""
        start = 2 + int.from_bytes(self.body[:2]) if self.kind == PUBLISH else 0
        return self.body[start : start + 2]


Answer = Callable[[Packet], bytes | None]
"""What to send back; None ends the connection."""


@dataclass
class Seen:
    """What has been heard.

    Attributes:
        packets: of all connections.
    """

    port: int
    packets: list[Packet] = field(default_factory=list)

    def versions(self) -> list[int]:
        """Return the version of the protocol in each attempt to connect."""
        return [packet.version for packet in self.packets if packet.kind == CONNECT]

    def count(self, kind: int) -> int:
        """Return how many packets of a kind there were."""
        return sum(packet.kind == kind for packet in self.packets)


def hospitable(packet: Packet) -> bytes | None:
    """Let everybody in, and allow everything."""
    if packet.kind == CONNECT:
        return WELCOME[packet.version]
    if packet.kind == PUBLISH:
        return b"\x40\x02" + packet.number
    return ALLOWED[packet.version] % packet.number if packet.kind == SUBSCRIBE else b""


@contextmanager
def fake_broker(answer: Answer) -> Iterator[Seen]:
    """Answer every packet of every connection for the block."""
    server = socket.create_server(("127.0.0.1", 0))
    seen = Seen(server.getsockname()[1])
    stopped = threading.Event()
    threads = [threading.Thread(target=_accept, args=(server, seen, answer, stopped), daemon=True)]
    threads[0].start()
    try:
        yield seen
    finally:
        stopped.set()
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def _accept(server: socket.socket, seen: Seen, answer: Answer, stopped: threading.Event) -> None:
    with suppress(OSError):
        while not stopped.is_set():
            client, _ = server.accept()
            threading.Thread(target=_serve, args=(client, seen, answer), daemon=True).start()


def _serve(client: socket.socket, seen: Seen, answer: Answer) -> None:
    version = 0
    with client, client.makefile("rb") as stream, suppress(OSError):
        while head := stream.read(1):
            body = stream.read(_length(stream.read))
            kind = head[0] >> 4
            version = body[6] if kind == CONNECT else version
            packet = Packet(kind, body, version)
            seen.packets.append(packet)
            reply = answer(packet)
            if reply is None:
                return
            client.sendall(reply)


def _length(read: Callable[[int], bytes]) -> int:
    """Read a variable byte integer (OASIS MQTT 5.0, 1.5.5)."""
    value = shift = 0
    while digit := read(1):
        value |= (digit[0] & 127) << shift
        shift += 7
        if digit[0] < 128:
            break
    return value
