"""Simulated devices on a real broker, beside a test that is not asynchronous."""

import asyncio
import threading
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tests.fleet.sim import Device

T = TypeVar("T")


class Stand:
    """An event loop in a thread of its own, with devices."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._devices: list[Device] = []
        self._thread.start()

    def add(self, device: Device) -> Device:
        """Let a device come."""
        self.do(device.start(self._port))
        self._devices.append(device)
        return device

    def do(self, work: Awaitable[T]) -> T:
        """Have something done there, and wait for it."""

        async def doing() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(doing(), self._loop).result(10)

    def cut(self, device: Device) -> None:
        """Let a device go without a word."""
        self._loop.call_soon_threadsafe(device.client.cut)

    def close(self) -> None:
        for device in self._devices:
            self.cut(device)
        self._loop.call_soon_threadsafe(lambda: self._loop.call_later(0.05, self._loop.stop))
        self._thread.join()
        self._loop.close()


@contextmanager
def stand(port: int) -> Iterator[Stand]:
    """Have devices for the block."""
    there = Stand(port)
    try:
        yield there
    finally:
        there.close()
