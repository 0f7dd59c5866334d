"""How quickly a real device answers among simulated ones."""

import asyncio
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from agent.telemetry.payloads import Command, Response
from tests.fleet.client import Client
from tests.fleet.sim import PREFIX, Crowd, Device, now


@dataclass(frozen=True)
class Measured:
    """Seconds: until all devices were there, from each report to its PUBACK, and of each `ping` there and back.

    Attributes:
        rate: reports per second.
    """

    connecting: float
    rate: float
    reports: Sequence[float]
    pings: Sequence[float]

    def lines(self) -> Iterator[str]:
        yield f"connected    {self.connecting:8.1f} s"
        yield f"reports      {self.rate:8.1f} /s"
        for name, times in (("puback", self.reports), ("round trip", self.pings)):
            yield f"{name:12} {quantile(times, 0.5) * 1e3:8.1f} ms median, {quantile(times, 0.99) * 1e3:.1f} ms p99"


def quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


class Hub:
    """Asks one device, and takes the time."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[float, asyncio.Future[float]]] = {}
        self._client = Client("hub", ("hub", b""), self._received)

    async def start(self, port: int, device: str) -> None:
        self._topic = f"{PREFIX}/{device}"
        await self._client.connect(port)
        await self._client.subscribe([f"{self._topic}/rsp/ping"])

    async def ping(self, number: int) -> float:
        """Return the seconds until the answer is here."""
        command = Command(f"ping-{number}", now())
        answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._asked[command.id] = (time.perf_counter(), answer)
        await self._client.publish(f"{self._topic}/cmd/ping", msgspec.json.encode(command))
        async with asyncio.timeout(10):
            return await answer

    async def pings(self, count: int, pace: float) -> list[float]:
        """Ask once every `pace` seconds, whether or not there was an answer, and return the times."""
        asking = []
        for number in range(count):
            asking.append(asyncio.create_task(self.ping(number)))
            await asyncio.sleep(pace)
        return sorted(await asyncio.gather(*asking))

    def end(self) -> None:
        self._client.cut()

    def _received(self, _topic: str, payload: bytes) -> None:
        response = msgspec.json.decode(payload, type=Response)
        if response.status == "ok":
            began, answer = self._asked[response.id]
            answer.set_result(time.perf_counter() - began)


async def measure(port: int, device: str, devices: int, pings: int, pace: float = 0.1) -> Measured:
    """Let many simulated devices report to a broker, and ask a real one that does too."""
    crowd = Crowd([Device(f"sim-{number:05}") for number in range(devices)])
    connecting = await crowd.start(port)
    hub = Hub()
    await hub.start(port, device)
    began = time.perf_counter()
    asked = await hub.pings(pings, pace)
    reports = [latency for each in crowd.devices for latency in each.latencies]
    rate = len(reports) / (time.perf_counter() - began)
    await crowd.end()
    hub.end()
    await asyncio.sleep(0.2)  # connections close a little later
    return Measured(connecting, rate, reports, asked)


@contextmanager
def many_files() -> Iterator[None]:
    """Allow as many connections as the system does, to us and to those whom we start."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
