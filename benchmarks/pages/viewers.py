"""What an answer of 15 kB takes of the daemon's processor time, watched by nobody, by one and by twenty pages.

    python -m benchmarks.pages.viewers [--rounds N]

answer    milliseconds for all of it: what the engine says, Markdown, the events, keeping it; a token is one byte here
fan-out   of that, what a viewer adds
idle      per second, with that many pages open and nothing going on; already taken off the others
"""

import argparse
import asyncio
import itertools
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from benchmarks import footprint, rendering
from benchmarks.pages.filled import Filled, filled

FLAGS = ("--engine", "echo", "--context", "40000")
_DELAY = 2  # ms between two bytes: 15 kB in half a minute, as by a model with 100 tokens of 5 characters a second
_IDLE = 4.0  # seconds
_COUNTS = (1, 0, 20)  # the first sees how long it takes
_ANSWER = "tables"  # the one that takes most


def start(device: Filled, text: str) -> tuple[str, str]:
    """Ask in a new conversation; returns its id and that of the answer."""
    with device.client() as client:
        reply = client.post("/c", data={"text": f"!delay {_DELAY} !text {text}"})
    conversation, _, message = reply.headers["location"].removeprefix("/c/").partition("#m-")
    return conversation, message


async def watch(device: Filled, cookie: str, conversation: str, message: str) -> None:
    """Be an open page until the answer has ended."""
    url = urlsplit(device.server.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    head = f"GET /events?c={conversation}&m={message} HTTP/1.1\r\nHost: {url.netloc}\r\nCookie: {cookie}\r\n\r\n"
    writer.write(head.encode())
    try:
        if not (status := await reader.readline()).startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"no stream: {status!r}")
        async for line in reader:
            if line.startswith(b"event: done"):
                return
    finally:
        writer.close()


@asynccontextmanager
async def watched(
    device: Filled, conversation: str, message: str, count: int
) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Open that many pages."""
    cookies = itertools.islice(itertools.cycle(device.cookies), count)
    tasks = [asyncio.create_task(watch(device, cookie, conversation, message)) for cookie in cookies]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()


async def idle(device: Filled, count: int) -> float:
    """Return milliseconds of processor time per second while pages are open."""
    async with watched(device, device.conversation, "", count):
        await asyncio.sleep(1)
        before = footprint.cpu_seconds(device.server.pid)
        await asyncio.sleep(_IDLE)
        return (footprint.cpu_seconds(device.server.pid) - before) / _IDLE * 1000


async def cost(device: Filled, text: str, count: int, seconds: float) -> tuple[float, float]:
    """Return milliseconds of processor time for an answer, and how long it took.

    `seconds`: how long to wait for the end when nobody watches.
    """
    before, begin = footprint.cpu_seconds(device.server.pid), time.perf_counter()
    conversation, message = start(device, text)
    async with watched(device, conversation, message, count) as pages:
        await (asyncio.gather(*pages) if pages else asyncio.sleep(seconds))
        took = time.perf_counter() - begin
        await asyncio.sleep(0.5)
    return (footprint.cpu_seconds(device.server.pid) - before) * 1000, took


async def report(device: Filled, rounds: int) -> None:
    """Print a line per number of viewers."""
    resting = {count: await idle(device, count) for count in _COUNTS}
    text, took = rendering.answer(_ANSWER), 0.0
    spent: dict[int, list[float]] = {count: [] for count in _COUNTS}
    for _ in range(rounds):
        for count in _COUNTS:
            milliseconds, took = await cost(device, text, count, took)
            spent[count].append(milliseconds - resting[count] * took / 1000)
    found = {count: statistics.median(times) for count, times in sorted(spent.items())}
    for count, milliseconds in found.items():
        each = (milliseconds - found[0]) / count if count else 0
        print(f"{count:3} viewers  answer {milliseconds:6.0f} ms  fan-out {each:5.1f} ms each", end="")
        print(f"  idle {resting[count]:4.1f} ms/s  in {took:4.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    with filled(*FLAGS, conversations=1) as device:
        asyncio.run(report(device, parser.parse_args().rounds))


if __name__ == "__main__":
    main()
