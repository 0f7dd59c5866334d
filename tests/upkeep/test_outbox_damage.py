"""An outbox.db that is torn anywhere is set aside, and reports go on."""

import asyncio
import random
from pathlib import Path

import pytest

from agent.telemetry.clock import Clock
from agent.telemetry.outbox import Limits, Outbox
from agent.telemetry.waiting.ledger import RANKS
from tests.upkeep.databases import tear

FIRST, ITEMS = "first", 200


async def life(folder: Path, boot: str, events: int) -> None:
    """Be one run of the daemon; everything must be taken, whatever was on the disk."""
    outbox = Outbox(folder / "outbox.db", Limits(), Clock(), boot)
    await outbox.open()
    for number in range(events):
        await outbox.append("telemetry", values={"n": number, "text": f"value {number}"})
    if boot == FIRST:
        await outbox.close()
        return
    await deliver(outbox)
    assert await outbox.append("event", event="tried", data={"boot": boot})
    assert "tried" in await deliver(outbox)
    assert not outbox.stats().trouble
    await outbox.close()


async def deliver(outbox: Outbox) -> set[str]:
    """Have everything delivered that can be read, and return the events."""
    events = set()
    for rank in RANKS:
        while batch := await outbox.take(rank, 100, 100_000):
            events |= {item.event for item in batch.items}
            await outbox.done(batch)
    return events


def survive(seeds: range, folder: Path) -> int:
    """Return how often the file was set aside."""
    path, aside = folder / "outbox.db", 0
    asyncio.run(life(folder, FIRST, ITEMS))
    sound = path.read_bytes()
    for seed in seeds:
        noise = random.Random(seed)  # noqa: S311 - no secret
        path.write_bytes(sound)
        length = noise.choice([1, 16, 1024])
        tear(path, at=noise.randrange(len(sound)), bytes_=noise.choice([bytes(length), noise.randbytes(length)]))
        asyncio.run(life(folder, f"run{seed}", 3))
        found = list(folder.glob("outbox.corrupt-*"))
        aside += bool(found)
        for entry in found:
            entry.unlink()
    return aside


def test_random_damage_never_stops_the_reports(tmp_path: Path) -> None:
    assert survive(range(8), tmp_path) > 1


@pytest.mark.slow
def test_much_random_damage_never_stops_the_reports(tmp_path: Path) -> None:
    assert survive(range(8, 400), tmp_path) > 100
