"""One connection to the broker, from the first packet to the last: what goes out, and what is answered."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from paho.mqtt.enums import MQTTErrorCode

from agent.errors import LinkDownError, RefusedError
from agent.phrase import Phrase
from agent.telemetry.link import packets
from agent.telemetry.link.conversation import Conversation, Words
from agent.telemetry.link.hello import Hello
from agent.telemetry.link.trouble import Trouble
from agent.telemetry.message import Incoming, Outgoing

WINDOW = 16
"""QoS 1 messages that may be unacknowledged at a time, unless the broker wants fewer."""

_UNWRITTEN = 16 * 1024  # bytes of QoS 0 messages that may wait for the socket; paho itself has no bound


@dataclass
class _Sent:
    """A packet that is not answered yet; QoS 0: that is not written yet.

    Attributes:
        answer: None: the connection ended before that.
        unwritten: bytes.
    """

    answer: asyncio.Future[Words | None]
    holds_slot: bool = False
    unwritten: int = 0


class Connection:
    """One try: a client of paho that is never used again, so that no message waits in it for the next connection.

    Attributes:
        opened: whether the broker remembers us; set once it has accepted the connection.
        ended: why it ended; set at the end.
        window: QoS 1 messages that may be unacknowledged at a time.
    """

    def __init__(self, hello: Hello) -> None:
        self._loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[bool] = self._loop.create_future()
        self.ended: asyncio.Future[Trouble] = self._loop.create_future()
        self.window = WINDOW
        self._version5 = hello.version5
        self._largest = 0  # bytes of a message that the broker takes; 0: any
        self._slots = asyncio.Semaphore(0)
        self._sent: dict[int, _Sent] = {}
        self._conversation = Conversation(hello, self)
        self._conversation.start()

    async def receive(self) -> Incoming:
        """Return the next message, in the order in which they came."""
        return await self._conversation.receive()

    async def publish(self, message: Outgoing) -> None:
        """See `Publisher.publish`."""
        if not self.opened.done():
            raise _down()
        self._check_size(message)
        if message.qos:
            await self._slots.acquire()
        try:
            answer = self._send(message)
        except LinkDownError:
            self._slots.release()  # so that the next one who waits hears of it too
            raise
        words = await answer
        if words is None:
            raise _down()
        if words[0]:
            raise _refused(message.topic, words[0])

    def offer(self, message: Outgoing) -> bool:
        """See `Publisher.offer`."""
        unwritten = sum(sent.unwritten for sent in self._sent.values())
        if not self.opened.done() or unwritten + packets.size(message) > _UNWRITTEN:
            return False
        try:
            self._check_size(message)
            self._send(message)
        except (LinkDownError, RefusedError):
            return False
        return True

    async def subscribe(self, topics: Sequence[str], qos: int = 1) -> list[str]:
        """Listen to topics, and return those that the broker denies.

        Raises:
            LinkDownError: the connection ended.
        """
        client = self._conversation.client
        _, number = (
            client.subscribe(packets.filters(list(topics), qos, version5=self._version5)) if client else (0, None)
        )
        if number is None or self.ended.done():
            raise _down()
        sent = self._sent[number] = _Sent(self._loop.create_future())
        words = await sent.answer
        if words is None:
            raise _down()
        return [topic for topic, word in zip(topics, words, strict=False) if word]

    def disconnect(self, *, with_will: bool = False) -> None:
        """Take leave: the broker forgets the will, unless MQTT 5 is asked for the contrary. The end comes soon."""
        client = self._conversation.client
        if client:
            client.disconnect(packets.LEAVE_WITH_WILL if with_will and self._version5 else None)

    def drop(self, reason: Trouble) -> None:
        """End without a word, as a cut cable does: the broker publishes the will."""
        self._conversation.drop()
        self.over(reason)

    def accepted(self, remembered: bool, window: int, largest: int) -> None:  # noqa: FBT001 - MQTT's own flag
        """Let messages through."""
        if self.ended.done():
            return
        self.window, self._largest = min(WINDOW, window), largest
        for _ in range(self.window):
            self._slots.release()
        self.opened.set_result(remembered)

    def answered(self, number: int, words: Words) -> None:
        """Tell whoever waits for it."""
        sent = self._sent.pop(number, None)
        if sent is None:
            return
        if sent.holds_slot:
            self._slots.release()
        if not sent.answer.done():  # whoever waited may have been cancelled
            sent.answer.set_result(words)

    def over(self, reason: Trouble) -> None:
        """Tell everybody who waits."""
        if not self.ended.done():
            self.ended.set_result(reason)
        for number in list(self._sent):
            sent = self._sent.pop(number)
            if not sent.answer.done():
                sent.answer.set_result(None)
        self._slots.release()  # wakes the first of those who wait, and that one the next

    def _send(self, message: Outgoing) -> "asyncio.Future[Words | None]":
        """Hand a message to paho, which writes it at once."""
        client = self._conversation.client
        if client is None or self.ended.done():
            raise _down()
        properties = packets.of_publish(message) if self._version5 else None
        info = client.publish(message.topic, message.payload, message.qos, message.retain, properties)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise _down()
        unwritten = 0 if message.qos else packets.size(message)
        sent = _Sent(self._loop.create_future(), holds_slot=message.qos > 0, unwritten=unwritten)
        self._sent[info.mid] = sent
        return sent.answer

    def _check_size(self, message: Outgoing) -> None:
        if self._largest and packets.size(message) > self._largest:
            raise _refused(message.topic, f"more than {self._largest} bytes")


def _down() -> LinkDownError:
    return LinkDownError(Phrase("link.down", "There is no connection to the broker now."))


def _refused(topic: str, words: str) -> RefusedError:
    return RefusedError(
        Phrase("link.refused", "The broker does not take a message to {topic}: {words}.", topic=topic, words=words),
        hint=Phrase("link.refused_hint", "Check the broker's access list."),
    )
