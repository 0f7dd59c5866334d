"""A client of MQTT 3.1.1 in a few lines, of which thousands fit into one process (OASIS MQTT 3.1.1, 2 and 3)."""

import asyncio
from collections.abc import Callable, Sequence

_CONNECT, _CONNACK, _PUBLISH, _PUBACK, _SUBSCRIBE, _SUBACK = 0x10, 2, 3, 4, 0x82, 9
_KEEPALIVE = 600  # seconds; longer than any test


def packet(head: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    rest, length = bytearray(), len(body)
    while True:
        length, low = divmod(length, 128)
        rest.append(low | (0x80 if length else 0))
        if not length:
            return bytes([head]) + bytes(rest) + body


def text(content: str | bytes) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return len(data).to_bytes(2) + data


class Client(asyncio.Protocol):
    """Connects with a will, publishes with QoS 1 or 0, and acknowledges what comes.

    Attributes:
        received: is called with topic and payload.
    """

    def __init__(self, name: str, will: tuple[str, bytes], received: Callable[[str, bytes], None]) -> None:
        self.received = received
        self._name, self._will = name, will
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._number = 0
        self._buffer = b""

    async def connect(self, port: int) -> None:
        await self._loop.create_connection(lambda: self, "127.0.0.1", port)
        await self._opened

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        flags = 0x02 | 0x04 | 0x08 | 0x20  # clean session; a will, with QoS 1, retained
        head = text("MQTT") + bytes([4, flags]) + _KEEPALIVE.to_bytes(2)
        transport.write(packet(_CONNECT, head, text(self._name), text(self._will[0]), text(self._will[1])))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._complete()) is not None:
            start, stop = end
            head, body = self._buffer[0], self._buffer[start:stop]
            self._buffer = self._buffer[stop:]
            self._take(head, body)

    async def subscribe(self, topics: Sequence[str]) -> None:
        number, answer = self._ask()
        parts = (text(topic) + b"\1" for topic in topics)
        self._transport.write(packet(_SUBSCRIBE, number.to_bytes(2), *parts))
        await answer

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish with QoS 1, and return when the broker has it."""
        number, answer = self._ask()
        self._transport.write(packet(0x32 | retain, text(topic), number.to_bytes(2), payload))
        await answer

    def offer(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish with QoS 0."""
        self._transport.write(packet(0x30 | retain, text(topic), payload))

    def cut(self) -> None:
        """End without a word."""
        self._transport.abort()

    def _ask(self) -> tuple[int, asyncio.Future[None]]:
        self._number = self._number % 65535 + 1
        answer = self._waiting[self._number] = self._loop.create_future()
        return self._number, answer

    def _complete(self) -> tuple[int, int] | None:
        """Return where the body of the first packet begins and ends; None: there is more to come."""
        length, place = 0, 1
        while place < len(self._buffer):
            byte = self._buffer[place]
            length |= (byte & 0x7F) << 7 * (place - 1)
            place += 1
            if not byte & 0x80:
                return (place, place + length) if len(self._buffer) >= place + length else None
        return None

    def _take(self, head: int, body: bytes) -> None:
        kind = head >> 4
        if kind == _CONNACK:
            assert body[1] == 0, f"refused with {body[1]}"
            self._opened.set_result(None)
        elif kind in {_PUBACK, _SUBACK}:
            self._waiting.pop(int.from_bytes(body[:2])).set_result(None)
        elif kind == _PUBLISH:
            self._arrived(head, body)

    def _arrived(self, head: int, body: bytes) -> None:
        length = int.from_bytes(body[:2])
        topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
        if head & 0x06:
            self._transport.write(packet(_PUBACK << 4, rest[:2]))
            rest = rest[2:]
        self.received(topic, rest)
