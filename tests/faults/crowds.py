"""Many clients at the same moment, and how they fared."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.web.daemon import CHAT, TRUST, chat

_PATIENCE = 120.0


@dataclass(frozen=True)
class Outcome:
    """What a client got: the status, whether it may come again, and after how many seconds."""

    status: int
    retry_after: str
    seconds: float


async def at_once(url: str, count: int, body: dict[str, object] | None = None) -> list[Outcome]:
    """Have so many clients ask the same at the same moment, each on a connection of its own."""
    limits = httpx.Limits(max_connections=count)
    async with httpx.AsyncClient(
        base_url=url, timeout=_PATIENCE, trust_env=False, verify=TRUST, limits=limits
    ) as client:
        return await asyncio.gather(*(_ask(client, body or chat("hello")) for _ in range(count)))


async def look(url: str, path: str, until: asyncio.Event) -> list[float]:
    """Load a page again and again until an event is set; return how many seconds each time took."""
    seconds = []
    async with httpx.AsyncClient(base_url=url, timeout=_PATIENCE, trust_env=False, verify=TRUST) as client:
        while not until.is_set():
            began = time.monotonic()
            (await client.get(path)).raise_for_status()
            seconds.append(time.monotonic() - began)
            await asyncio.sleep(0.05)
    return seconds


def percentiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    """Return the median, the 95th percentile and the maximum."""
    if len(seconds) < 2:
        return (seconds[0],) * 3
    return statistics.median(seconds), statistics.quantiles(seconds, n=20, method="inclusive")[-1], max(seconds)


def statuses(outcomes: Sequence[Outcome]) -> Counter[int]:
    """Return how often there was which status."""
    return Counter(outcome.status for outcome in outcomes)


def resident(pid: int) -> int:
    """Return the bytes of memory that a process has."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) * 1024


async def _ask(client: httpx.AsyncClient, body: dict[str, object]) -> Outcome:
    began = time.monotonic()
    response = await client.post(CHAT, json=body)
    return Outcome(response.status_code, response.headers.get("retry-after", ""), time.monotonic() - began)
