"""The other end of the broker: asks a device, and finds its way back to the broker whatever happens to that."""

import asyncio
import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from benchmarks.soak.book import FailedError

_PASSING = {"accepted", "progress"}
_PATIENCE = 60.0  # seconds


class Hub:
    """Sends commands and jobs; answers arrive in the thread of paho and are waited for in asyncio."""

    def __init__(self, client: Client, device: str) -> None:
        self._client = client
        self._own = f"edgewise/v1/{device}"
        self._waiting: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Queue[Any]]] = {}
        self._numbers = itertools.count(1)
        self.online = False
        client.on_connect = self._subscribe
        client.on_message = self._heard

    async def ask(self, name: str, seconds: float = _PATIENCE, **arguments: object) -> dict[str, Any]:
        """Send a command and return its last answer.

        Raises:
            TimeoutError: none came.
        """
        topic = f"soak/{next(self._numbers)}"
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ResponseTopic, properties.MessageExpiryInterval = topic, round(seconds)
        payload = json.dumps({"id": topic.replace("/", "-"), "args": arguments})
        with self._listening(topic) as answers:
            self._client.publish(f"{self._own}/cmd/{name}", payload, 1, properties=properties)
            return await _last(answers, _PASSING, "status", seconds)

    async def job(self, number: int, job: dict[str, Any], seconds: float) -> str:
        """Have a job done, clear it, and return the state in which it ended."""
        identifier = f"soak-{number}"
        with self._listening(f"{self._own}/job/{identifier}/status") as answers:
            self._client.publish(f"{self._own}/job/{identifier}", json.dumps(job), 1, retain=True)
            try:
                ended = {"successful", "failed", "rolled_back", "canceled"}
                states = {"accepted", "waiting", "download", "verify", "stage", "swap", "health", "commit", "rollback"}
                found = await _last(answers, states - ended, "state", seconds)
            finally:
                self._client.publish(f"{self._own}/job/{identifier}", b"", 1, retain=True)
        return str(found["state"])

    @contextmanager
    def _listening(self, topic: str) -> Iterator[asyncio.Queue[Any]]:
        queue = asyncio.Queue[Any]()
        self._waiting[topic] = asyncio.get_running_loop(), queue
        try:
            yield queue
        finally:
            del self._waiting[topic]

    def _subscribe(self, client: Client, *_: object) -> None:
        client.subscribe([(f"{self._own}/#", 1), ("soak/#", 1)])

    def _heard(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        if message.topic == f"{self._own}/status":
            self.online = message.payload == b"online"
        if message.payload and (found := self._waiting.get(message.topic)):
            loop, queue = found
            loop.call_soon_threadsafe(queue.put_nowait, json.loads(message.payload))


async def _last(answers: "asyncio.Queue[Any]", passing: set[str], key: str, seconds: float) -> dict[str, Any]:
    async with asyncio.timeout(seconds):
        while True:
            found: dict[str, Any] = await answers.get()
            if found[key] not in passing:
                return found


@contextmanager
def hub(port: int, device: str) -> Iterator[Hub]:
    """Be connected for the block."""
    client = Client(CallbackAPIVersion.VERSION2, client_id="soak-hub", protocol=MQTTProtocolVersion.MQTTv5)
    client.reconnect_delay_set(1, 2)
    found, ready = Hub(client, device), threading.Event()
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    if not ready.wait(_PATIENCE):
        raise FailedError("the hub is not connected")
    try:
        yield found
    finally:
        client.disconnect()
        client.loop_stop()
